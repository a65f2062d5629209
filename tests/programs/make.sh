# Builds a small project in parallel, again after a change, and one that is wrong: `sh make.sh DIRECTORY ROUNDS`.
round() {
    cp -r "$1/project" project
    cd project
    make -j4 | sort
    ./prog
    touch all.h
    make -j4 | wc -l
    make -q && echo up to date
    make lib.a
    ar t lib.a
    make clean
    ls
    echo 'int main(void) { return x; }' >bad.c
    make bad.o 2>&1 | grep -c 'undeclared'
    cd ..
    rm -r project
}
n=0
while [ $n -lt "$2" ]; do
    n=$((n + 1))
    round "$1"
done

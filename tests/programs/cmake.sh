# Configures, builds and tests a small project with cmake and ninja: `sh cmake.sh DIRECTORY ROUNDS`.
round() {
    cp -r "$1/project" "$1/cmake" .
    cmake -G Ninja -S cmake -B build | grep -v -e '^-- Build files' -e '^-- The C compiler identification'
    cat build/config.h
    ninja -C build -j4 | tail -n 1
    build/prog
    ninja -C build -n
    touch project/m5.c
    ninja -C build -j4 | tail -n 1 | cut -d' ' -f1
    ctest --test-dir build | grep 'tests passed'
    ninja -C build -t clean
    ls build
    rm -r build project cmake
}
n=0
while [ $n -lt "$2" ]; do
    n=$((n + 1))
    round "$1"
done

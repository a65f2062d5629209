# A repository's life: `sh git.sh ROUNDS`.
export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@example.org
export GIT_AUTHOR_DATE='1700000000 +0000' GIT_COMMITTER_DATE='1700000000 +0000' GIT_CONFIG_NOSYSTEM=1 GIT_PAGER=cat
git init -q -b main work
cd work
n=0
while [ $n -lt $(($1 * 5)) ]; do
    n=$((n + 1))
    mkdir -p dir$n
    for f in 1 2 3 4 5 6 7 8; do seq $n $((n * 40 + f)) >dir$n/file$f; done
    git add .
    git commit -q -m "commit $n"
done
git log --oneline
git rev-parse HEAD
echo changed >dir1/file1
git diff --stat
git stash -q
git status --short
git stash pop -q
git checkout -q -b side
git commit -q -am side
git checkout -q main
seq 3 >new
git add new
git commit -q -m new
git merge -q -m merged side
git log --graph --format=%s | head -n 4
git tag -m tagged v1
git gc -q
git fsck
cd ..
git clone -q work copy
git -C copy log --format=%H -1
git clone -q --no-local --bare work bare.git
git -C bare.git count-objects -v | grep packs
cd copy
git blame dir1/file1 | cut -c1-9 | sort | uniq -c
git rebase -q HEAD~1
git grep -c 77 | head -n 3
git archive HEAD | tar -t | wc -l

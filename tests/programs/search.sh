# Many files, searched by many: `sh search.sh ROUNDS`.
mkdir tree
seq $(($1 * 200)) | xargs -P 4 -n 50 sh -c 'for n; do mkdir -p tree/$((n % 10)); seq $n $((n + 300)) >tree/$((n % 10))/$n; done' sh
find tree -type f | wc -l
find tree -type f -print0 | xargs -0 -P 4 -n 20 grep -l '^250$' | wc -l
find tree -type f | sort | xargs -P 4 -n 25 cat | wc -l
grep -r --include='*7' -c '^100$' tree | grep -c ':1'
find tree -type f | xargs -P 4 -n 30 sha256sum | sort | sha256sum
find tree -name '*3' -delete
find tree -type f | wc -l
tar -cf - tree | gzip -1 | gzip -dc | tar -t | wc -l
sort --parallel=4 -S 1M -n -m tree/1/* | uniq | wc -l

# Compresses on several CPUs and looks whether the same comes back; digests, ciphers and their speed: `sh pack.sh ROUNDS`.
both() {
    echo "$*: $("$@" -c numbers >packed && wc -c <packed) bytes"
    "$@" -dc packed | cmp - numbers && echo the same
}
round() {
    seq 1 120000 >numbers
    both pigz -n -p4
    both zstd -q -T4
    both xz -T4 -1 --block-size=200KiB
    both xz -T4 -0 --block-size=100KiB
    openssl dgst -sha256 <numbers
    openssl enc -aes-256-ctr -K 0123456789abcdef -iv 00 -in numbers 2>/dev/null | openssl dgst -sha512
    openssl enc -aes-128-cbc -pbkdf2 -pass pass:word -in numbers -out secret
    openssl enc -d -aes-128-cbc -pbkdf2 -pass pass:word -in secret | cmp - numbers && echo deciphered
    openssl speed -seconds 1 -multi 2 -bytes 1024 sha256 >speed 2>/dev/null && grep -c '^sha256' speed
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key
    openssl dgst -sha256 -sign key -out signature numbers
    openssl pkey -in key -pubout -out public
    openssl dgst -sha256 -verify public -signature signature numbers
    rm -f numbers packed secret speed key signature public
}
n=0
while [ $n -lt "$1" ]; do
    n=$((n + 1))
    round
done

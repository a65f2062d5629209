# Compiles and runs on two schedulers: `sh otp.sh DIRECTORY ROUNDS`.
erlc "$1/otp.erl" && erl +S 2:2 -noshell -run otp main "$2"

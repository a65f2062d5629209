# Compiles and runs: `sh java.sh DIRECTORY ROUNDS`. Two processors on either side, so that both choose the same.
jdk=/usr/lib/jvm/java-17-openjdk-amd64/bin
$jdk/javac -J-Xshare:auto -J-XX:+ErrorFileToStderr -d . "$1/Main.java" && ls *.class
$jdk/java -XX:+ErrorFileToStderr -Xmx256m -XX:+UseG1GC -XX:ActiveProcessorCount=2 -cp . Main "$2"

<?php
// Arrays, processes, sockets, files, generators: `php php.php ROUNDS`.
function numbers(int $n): Generator
{
    for ($i = 0; $i < $n; $i++) yield $i;
}

for ($round = 0; $round < (int) $argv[1]; $round++) {
    $sums = [];
    for ($i = 0; $i < 100000; $i++) $sums[$i % 1000] = ($sums[$i % 1000] ?? 0) + $i;
    echo array_sum($sums), "\n", preg_replace('/(\w+) (\w+)/', '$2 $1', 'hello world'), "\n";
    echo json_encode(['x' => [1, 2.5, null]]), "\n";
    $child = proc_open(['/bin/sh', '-c', 'cat; exit 4'], [['pipe', 'r'], ['pipe', 'w']], $pipes);
    fwrite($pipes[0], "to the child\n");
    fclose($pipes[0]);
    echo stream_get_contents($pipes[1]), proc_close($child), "\n", shell_exec('echo shell | tr a-z A-Z');
    file_put_contents('php-file', str_repeat('x', 50000));
    echo filesize('php-file'), "\n";
    if (function_exists('pcntl_fork')) {
        $pid = pcntl_fork();
        if ($pid == 0) exit(3);
        pcntl_waitpid($pid, $status);
        echo pcntl_wexitstatus($status), "\n";
    }
    [$one, $other] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
    fwrite($one, "pair\n");
    echo fgets($other), implode(' ', iterator_to_array(numbers(5))), "\n";
}
exit(9);

// Threads, a collector at work, a child process, faults that the machine turns into exceptions: `java Main ROUNDS`.
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

public class Main {
    record Point(int x, int y) {}

    static int[] churn(int n) {
        List<int[]> kept = new ArrayList<>();
        long sum = 0;
        for (int i = 0; i < n; i++) {
            int[] some = new int[1000];
            some[i % 1000] = i;
            if (i % 100 == 0) kept.add(some);
            sum += some[i % 1000];
        }
        return new int[] {kept.size(), (int) (sum % 1000003)};
    }

    static int deep(int n) {
        return deep(n + 1) + 1;
    }

    static void round() throws Exception {
        System.out.println(IntStream.range(0, 100000).parallel().mapToLong(i -> (long) i * i % 97).sum());
        ExecutorService pool = Executors.newFixedThreadPool(8);
        List<Future<int[]>> results = new ArrayList<>();
        for (int i = 0; i < 8; i++) results.add(pool.submit(() -> churn(5000)));
        for (Future<int[]> result : results) System.out.println(Arrays.toString(result.get()));
        pool.shutdown();
        System.out.println(pool.awaitTermination(10, TimeUnit.SECONDS));
        Process child = new ProcessBuilder("/bin/sh", "-c", "cat; exit 4").start();
        child.getOutputStream().write("to the child\n".getBytes());
        child.getOutputStream().close();
        System.out.print(new String(child.getInputStream().readAllBytes()));
        System.out.println(child.waitFor());
        Object lock = new Object();
        int[] count = {0};
        Thread[] threads = new Thread[20];
        for (int i = 0; i < threads.length; i++) {
            threads[i] = new Thread(() -> {
                for (int k = 0; k < 1000; k++) synchronized (lock) { count[0]++; }
            });
            threads[i].start();
        }
        for (Thread thread : threads) thread.join();
        System.out.println(count[0]);
        try {
            Object none = args().length > 9 ? "" : null;
            System.out.println(none.toString());
        } catch (NullPointerException caught) {
            System.out.println("no object");
        }
        try {
            System.out.println(deep(0));
        } catch (StackOverflowError caught) {
            System.out.println("too deep");
        }
        System.out.println(new Point(1, 2));
    }

    static String[] args() {
        return new String[0];
    }

    public static void main(String[] args) throws Exception {
        for (int rounds = Integer.parseInt(args[0]); rounds > 0; rounds--) round();
        System.exit(6);
    }
}

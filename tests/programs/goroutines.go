// Ten thousand goroutines on four processors, children, a Unix socket and the collector: `goroutines ROUNDS`.
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func crowd() {
	var group sync.WaitGroup
	var total atomic.Int64
	results := make(chan int)
	for g := 0; g < 10000; g++ {
		group.Add(1)
		go func(g int) {
			defer group.Done()
			if g%100 == 0 {
				time.Sleep(time.Millisecond)
			}
			total.Add(int64(g))
			results <- g % 7
		}(g)
	}
	sum := 0
	for g := 0; g < 10000; g++ {
		sum += <-results
	}
	group.Wait()
	fmt.Println(sum, total.Load())
}

func children() {
	var group sync.WaitGroup
	answers := make([]string, 8)
	for n := range answers {
		group.Add(1)
		go func(n int) {
			defer group.Done()
			command := exec.Command("tr", "a-z", "A-Z")
			command.Stdin = strings.NewReader(fmt.Sprintf("child %d", n))
			out, err := command.Output()
			answers[n] = fmt.Sprint(string(out), err)
		}(n)
	}
	group.Wait()
	fmt.Println(strings.Join(answers, ", "))
	fmt.Println(exec.Command("sh", "-c", "exit 3").Run(), exec.Command("/none").Run() != nil)
}

func sockets() {
	os.Remove("go-socket")
	listener, err := net.Listen("unix", "go-socket")
	if err != nil {
		fmt.Println(err)
		return
	}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close()
				io.Copy(connection, connection)
			}()
		}
	}()
	var group sync.WaitGroup
	var echoed atomic.Int64
	for c := 0; c < 50; c++ {
		group.Add(1)
		go func() {
			defer group.Done()
			connection, err := net.Dial("unix", "go-socket")
			if err != nil {
				fmt.Println(err)
				return
			}
			defer connection.Close()
			reader := bufio.NewReader(connection)
			for i := 0; i < 20; i++ {
				fmt.Fprintf(connection, "line %d\n", i)
				line, _ := reader.ReadString('\n')
				echoed.Add(int64(len(line)))
			}
		}()
	}
	group.Wait()
	listener.Close()
	fmt.Println(echoed.Load())
}

func garbage() {
	var kept [][]byte
	for i := 0; i < 20000; i++ {
		block := make([]byte, 4096)
		block[i%4096] = byte(i)
		if i%1000 == 0 {
			kept = append(kept, block)
		}
	}
	runtime.GC()
	fmt.Println(len(kept))
}

func signals() {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGUSR1)
	syscall.Kill(os.Getpid(), syscall.SIGUSR1)
	fmt.Println(<-told)
	defer func() { fmt.Println(recover() != nil) }()
	var none *struct{ n int }
	fmt.Println(none.n)
}

func main() {
	runtime.GOMAXPROCS(4)
	rounds, _ := strconv.Atoi(os.Args[1])
	for ; rounds > 0; rounds-- {
		crowd()
		children()
		sockets()
		garbage()
		signals()
	}
	os.Exit(14)
}

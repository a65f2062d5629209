// A Go program with goroutines, channels, mutexes, timers, maps, files, hashing and a garbage collection or two.
package main

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"sync"
	"time"
)

func channels() {
	work, results := make(chan int, 10), make(chan int, 10)
	var group sync.WaitGroup
	for worker := 0; worker < 100; worker++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for n := range work {
				results <- n * n
			}
		}()
	}
	go func() {
		for n := 0; n < 10000; n++ {
			work <- n
		}
		close(work)
		group.Wait()
		close(results)
	}()
	sum := 0
	for r := range results {
		sum += r
	}
	fmt.Println("sum of squares", sum)
}

func locks() {
	var lock sync.Mutex
	counts := map[int]int{}
	var group sync.WaitGroup
	for g := 0; g < 50; g++ {
		group.Add(1)
		go func(g int) {
			defer group.Done()
			for i := 0; i < 200; i++ {
				lock.Lock()
				counts[i%7] += g
				lock.Unlock()
			}
		}(g)
	}
	group.Wait()
	keys := []int{}
	for key := range counts {
		keys = append(keys, key)
	}
	sort.Ints(keys)
	for _, key := range keys {
		fmt.Println(key, counts[key])
	}
}

func timers() {
	begin := time.Now()
	select {
	case <-time.After(30 * time.Millisecond):
		fmt.Println("timer", time.Since(begin) >= 30*time.Millisecond)
	case <-time.After(10 * time.Second):
		fmt.Println("too late")
	}
	ticks := time.NewTicker(5 * time.Millisecond)
	for i := 0; i < 3; i++ {
		<-ticks.C
	}
	ticks.Stop()
	fmt.Println("ticked")
}

func files() {
	dir, err := os.MkdirTemp("", "chiton-go")
	if err != nil {
		fmt.Println(err)
		return
	}
	path := filepath.Join(dir, "file.json")
	text, _ := json.Marshal(map[string]any{"name": "value", "list": []int{1, 2, 3}})
	fmt.Println(os.WriteFile(path, text, 0o644))
	back, err := os.ReadFile(path)
	fmt.Println(string(back), err)
	_, err = os.Open(filepath.Join(dir, "none"))
	fmt.Println(errors.Is(err, os.ErrNotExist))
	fmt.Println(os.RemoveAll(dir))
}

func garbage() {
	sum := 0
	for i := 0; i < 200; i++ {
		block := make([]byte, 1<<20)
		block[i] = byte(i)
		sum += len(block) + int(block[i])
	}
	fmt.Println("allocated", sum)
	fmt.Printf("%x\n", sha256.Sum256(make([]byte, 1<<20)))
}

func main() {
	fmt.Println(len(os.Args), os.Getenv("T_MARK"))
	channels()
	locks()
	timers()
	files()
	garbage()
	defer func() {
		fmt.Println("recovered", recover() != nil)
		os.Exit(19)
	}()
	var none *int
	if len(os.Args) > 100 {
		none = new(int)
	}
	panic(fmt.Sprint("on purpose ", none == nil))
}

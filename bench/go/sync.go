// sync.go: bench/micro/sync.cc's benchmarks with goroutines. Prints one line of JSON: ns for an item,
// NAME with one processor, NAME/2 with -procs 2. -test.benchtime says how long each is run.
package main

import (
	"encoding/json"
	"flag"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
)

func pingpong(b *testing.B) {
	there, back := make(chan int), make(chan int)
	go func() {
		for item := range there {
			back <- item
		}
	}()
	for i := 0; i < b.N; i++ {
		there <- 1
		<-back
	}
	close(there)
}

func buffered(b *testing.B) {
	items, ended := make(chan int, 1024), make(chan int)
	go func() {
		sum := 0
		for item := range items {
			sum += item
		}
		ended <- sum
	}()
	for i := 0; i < b.N; i++ {
		items <- 1
	}
	close(items)
	<-ended
}

func selectTwo(b *testing.B) {
	var questions, answers [2]chan int
	for i := range questions {
		questions[i], answers[i] = make(chan int), make(chan int)
		go func(from, to chan int) {
			for item := range from {
				to <- item
			}
		}(questions[i], answers[i])
	}
	for i := 0; i < b.N; i++ {
		questions[i%2] <- 1
		select {
		case <-answers[0]:
		case <-answers[1]:
		}
	}
	close(questions[0])
	close(questions[1])
}

func uncontended(b *testing.B) {
	var mutex sync.Mutex
	for i := 0; i < b.N; i++ {
		mutex.Lock()
		mutex.Unlock()
	}
}

const goroutines, sections = 100, 100

func by100(inside func()) func(*testing.B) {
	return func(b *testing.B) {
		var mutex sync.Mutex
		count := 0
		for i := 0; i < b.N; i++ {
			var group sync.WaitGroup
			group.Add(goroutines)
			for j := 0; j < goroutines; j++ {
				go func() {
					for k := 0; k < sections; k++ {
						mutex.Lock()
						count++
						inside()
						mutex.Unlock()
					}
					group.Done()
				}()
			}
			group.Wait()
		}
	}
}

// Processor time, ns.
func used() float64 {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return float64(usage.Utime.Nano() + usage.Stime.Nano())
}

const sleepers, sleeps = 100000, 10

func asleep() float64 {
	begin := used()
	var group sync.WaitGroup
	group.Add(sleepers)
	for i := 0; i < sleepers; i++ {
		go func(i int) {
			for j := 0; j < sleeps; j++ {
				time.Sleep(time.Duration(200000+i%1000) * time.Microsecond)
			}
			group.Done()
		}(i)
	}
	group.Wait()
	return (used() - begin) / (sleepers * sleeps)
}

func itemTime(body func(*testing.B), items float64) float64 {
	result := testing.Benchmark(body)
	return float64(result.T.Nanoseconds()) / float64(result.N) / items
}

func main() {
	testing.Init()
	processors := flag.Int("procs", 1, "1 or 2")
	flag.Parse()
	runtime.GOMAXPROCS(*processors)
	suffix := map[int]string{1: "", 2: "/2"}[*processors]
	figures := map[string]float64{
		"channel_pingpong" + suffix:   itemTime(pingpong, 1),
		"channel_buffered" + suffix:   itemTime(buffered, 1),
		"select_two" + suffix:         itemTime(selectTwo, 1),
		"mutex_100_fibers" + suffix:   itemTime(by100(func() {}), goroutines*sections),
		"mutex_across_yield" + suffix: itemTime(by100(runtime.Gosched), goroutines*sections),
	}
	if *processors == 1 {
		figures["mutex_uncontended"] = itemTime(uncontended, 1)
		figures["sleepers_100000"] = asleep()
	}
	_ = json.NewEncoder(os.Stdout).Encode(figures)
}

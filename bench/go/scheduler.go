// scheduler.go: bench/micro's yield, spawn and parked fibers with goroutines, for bench/scheduler.sh.
// Prints one line of JSON: ns for an item, bytes for a parked goroutine. -test.benchtime says how
// long each is run.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"testing"
)

func yieldOften(times int) {
	for i := 0; i < times; i++ {
		runtime.Gosched()
	}
}

// One item is one yield; both goroutines run the same code.
func yieldTwo(b *testing.B) {
	ended := make(chan struct{})
	go func() {
		yieldOften(b.N)
		close(ended)
	}()
	yieldOften(b.N)
	<-ended
}

// A goroutine has no handle: a channel that it closes is what one joins.
func spawnJoin(b *testing.B) {
	for i := 0; i < b.N; i++ {
		ended := make(chan struct{})
		go func() { close(ended) }()
		<-ended
	}
}

const alive = 10000

func spawnJoinMany(b *testing.B) {
	children := make([]chan struct{}, alive)
	for i := 0; i < b.N; i++ {
		for j := range children {
			ended := make(chan struct{})
			children[j] = ended
			go func() { close(ended) }()
		}
		for _, ended := range children {
			<-ended
		}
	}
}

// Resident memory of this process, bytes.
func resident() float64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		panic(err)
	}
	var total, pages float64
	if _, err := fmt.Sscan(string(text), &total, &pages); err != nil {
		panic(err)
	}
	return pages * float64(os.Getpagesize())
}

func parkedBytes() float64 {
	before := resident()
	release := make(chan struct{})
	for i := 0; i < alive; i++ {
		go func() { <-release }()
	}
	// One processor: each has run, and waits, when this one's turn comes again.
	for i := 0; i < 10; i++ {
		runtime.Gosched()
	}
	bytes := (resident() - before) / alive
	close(release)
	return bytes
}

func itemTime(body func(*testing.B), items float64) float64 {
	result := testing.Benchmark(body)
	return float64(result.T.Nanoseconds()) / float64(result.N) / items
}

func main() {
	testing.Init()
	flag.Parse()
	runtime.GOMAXPROCS(1)
	parked := parkedBytes() // first, before others have left memory behind
	_ = json.NewEncoder(os.Stdout).Encode(map[string]float64{
		"yield_two_fibers": itemTime(yieldTwo, 2),
		"spawn_join":       itemTime(spawnJoin, 1),
		"spawn_join_10000": itemTime(spawnJoinMany, alive),
		"parked_fibers":    parked,
	})
}

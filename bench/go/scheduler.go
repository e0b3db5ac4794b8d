// scheduler.go: bench/micro's yield and spawn with goroutines, for bench/scheduler.sh. Prints
// one line of JSON: ns for an item.
package main

import (
	"encoding/json"
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

func itemTime(body func(*testing.B), items float64) float64 {
	result := testing.Benchmark(body)
	return float64(result.T.Nanoseconds()) / float64(result.N) / items
}

func main() {
	testing.Init()
	runtime.GOMAXPROCS(1)
	_ = json.NewEncoder(os.Stdout).Encode(map[string]float64{
		"yield_two_fibers": itemTime(yieldTwo, 2),
		"spawn_join":       itemTime(spawnJoin, 1),
		"spawn_join_10000": itemTime(spawnJoinMany, alive),
	})
}

// Two relays in a row, and nobody at the end: how many sends have returned?
package main

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"time"
)

func relay(inbox <-chan int, outbox chan<- int) {
	for item := range inbox {
		outbox <- item
	}
}

func main() {
	a, b, c := make(chan int), make(chan int), make(chan int)
	var sent int32
	go relay(a, b)
	go relay(b, c)
	go func() {
		for item := 0; ; item++ {
			a <- item
			atomic.AddInt32(&sent, 1)
		}
	}()
	for atomic.LoadInt32(&sent) < 2 {
		runtime.Gosched()
	}
	time.Sleep(100 * time.Millisecond)
	fmt.Println("sent:", atomic.LoadInt32(&sent))
}

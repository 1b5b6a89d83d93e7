// A relay with a buffer, which passes on what it has when its inbox is closed.
package main

import "fmt"

func relay(inbox <-chan int, outbox chan<- int) {
	defer close(outbox)
	var waiting []int
	for inbox != nil || len(waiting) > 0 {
		var out chan<- int
		var next int
		if len(waiting) > 0 {
			out, next = outbox, waiting[0]
		}
		select {
		case item, ok := <-inbox:
			if !ok {
				inbox = nil
				continue
			}
			waiting = append(waiting, item)
		case out <- next:
			waiting = waiting[1:]
		}
	}
}

func main() {
	inbox, outbox := make(chan int, 3), make(chan int)
	for item := 1; item <= 3; item++ {
		inbox <- item
	}
	close(inbox)
	go relay(inbox, outbox)
	for item := range outbox {
		fmt.Println("got", item)
	}
	fmt.Println("outbox is closed")
}

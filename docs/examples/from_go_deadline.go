// A deadline that has passed already, beside a backlog: the deadline is looked at first.
package main

import (
	"context"
	"fmt"
	"time"
)

func main() {
	jobs := make(chan int, 1000)
	for job := 0; job < 1000; job++ {
		jobs <- job
	}
	ctx, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	defer cancel()
	done := 0
	for ctx.Err() == nil {
		select {
		case <-jobs:
			done++
		case <-ctx.Done():
		}
	}
	fmt.Println("jobs done after the deadline:", done)
}

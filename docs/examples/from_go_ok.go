// A worker that ends when its channel is closed, or when it is told to.
package main

import (
	"context"
	"fmt"
)

func work(ctx context.Context, jobs <-chan string) {
	for {
		select {
		case job, ok := <-jobs:
			if !ok {
				fmt.Println("no more jobs")
				return
			}
			fmt.Println("job:", job)
		case <-ctx.Done():
			fmt.Println("stop")
			return
		}
	}
}

func main() {
	jobs := make(chan string, 2)
	jobs <- "sweep"
	jobs <- "wash"
	close(jobs)
	work(context.Background(), jobs)
}

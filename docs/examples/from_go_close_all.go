// Closing a channel tells every worker.
package main

import (
	"fmt"
	"sync"
)

func main() {
	jobs := make(chan int)
	var workers sync.WaitGroup
	for i := 0; i < 3; i++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for range jobs {
			}
		}()
	}
	close(jobs)
	workers.Wait()
	fmt.Println("ended: 3 of 3")
}

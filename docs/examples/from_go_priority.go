// Strict priority: a stop comes before all the jobs that are waiting.
package main

import "fmt"

func main() {
	jobs, stop := make(chan int, 5), make(chan bool)
	for job := 1; job <= 5; job++ {
		jobs <- job
	}
	for {
		select {
		case <-stop:
			fmt.Println("stop, jobs left:", len(jobs))
			return
		default:
			select {
			case <-stop:
				fmt.Println("stop, jobs left:", len(jobs))
				return
			case job := <-jobs:
				fmt.Println("job:", job)
				if job == 2 {
					close(stop)
				}
			}
		}
	}
}

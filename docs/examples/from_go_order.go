// One sender, two unbuffered channels: what it sends arrives in the order of sending.
package main

import "fmt"

func main() {
	lines, ended := make(chan string), make(chan int)
	go func() {
		lines <- "one"
		lines <- "two"
		ended <- 0
	}()
	for {
		select {
		case line := <-lines:
			fmt.Println("line:", line)
		case code := <-ended:
			fmt.Println("ended with", code)
			return
		}
	}
}

// A send that gives up at once when there is no room.
package main

import "fmt"

func main() {
	outbox := make(chan int, 2)
	for item := 1; item <= 3; item++ {
		select {
		case outbox <- item:
			fmt.Println("sent", item)
		default:
			fmt.Println("dropped", item)
		}
	}
}

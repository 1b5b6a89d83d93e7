// After https://gobyexample.com/select
package main

import (
	"fmt"
	"time"
)

func main() {
	c1 := make(chan string)
	c2 := make(chan string)
	start := time.Now()

	one := func() {
		time.Sleep(1 * time.Second)
		c1 <- "one"
	}
	two := func() {
		time.Sleep(2 * time.Second)
		c2 <- "two"
	}

	go one()
	go two()

	for i := 0; i < 2; i++ {
		select {
		case msg1 := <-c1:
			fmt.Println("received", msg1)
		case msg2 := <-c2:
			fmt.Println("received", msg2)
		}
	}
	elapsed := time.Since(start).Seconds()
	fmt.Printf("%.1f seconds\n", elapsed)
}

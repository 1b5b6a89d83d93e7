// A timer that is reset, stopped, and one that calls a function.
package main

import (
	"fmt"
	"time"
)

func main() {
	words := make(chan string, 2)
	words <- "one"
	words <- "two"
	hint := time.AfterFunc(300*time.Millisecond, func() { fmt.Println("you may type now") })
	never := time.AfterFunc(time.Hour, func() { fmt.Println("never printed") })
	if never.Stop() {
		fmt.Println("stopped in time")
	}
	defer hint.Stop()

	idle := time.NewTimer(time.Second)
	for {
		select {
		case word := <-words:
			fmt.Println(word)
			if !idle.Stop() { // before Go 1.23: else a stale tick may be left
				<-idle.C
			}
			idle.Reset(time.Second)
		case <-idle.C:
			fmt.Println("nothing for a second")
			return
		}
	}
}

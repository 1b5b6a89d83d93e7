// Named constants in the cases of a switch.
package main

import "fmt"

const (
	atJobs = iota
	atStop
)

func main() {
	for _, position := range []int{atStop, atJobs} {
		switch position {
		case atJobs:
			fmt.Println("a job")
		case atStop:
			fmt.Println("stop")
		}
	}
}

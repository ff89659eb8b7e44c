package main

import "time"

// A token goes round a ring of goroutines and unbuffered channels; it carries the hops it has left.
func ring() {
	pass(ringHops / warmUp)
	start := time.Now()
	pass(ringHops)
	perOperation(start, ringHops)
}

func pass(hops int) {
	done := make(chan struct{})
	first := make(chan int)
	in := first
	for i := range ringTasks {
		out := first
		if i < ringTasks-1 {
			out = make(chan int)
		}
		go hop(in, out, done)
		in = out
	}
	first <- hops
	<-done
}

func hop(in <-chan int, out chan<- int, done chan<- struct{}) {
	for token := range in {
		if token == 0 {
			done <- struct{}{}
		} else {
			out <- token - 1
		}
	}
}

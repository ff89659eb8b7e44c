package main

import "time"

// A number goes to another goroutine and comes back, over two unbuffered channels. Each round trip is two messages.
func pingpong() {
	trips(roundTrips / warmUp)
	start := time.Now()
	trips(roundTrips)
	perOperation(start, 2*roundTrips)
}

func trips(count int) {
	there, back := make(chan int), make(chan int)
	go func() {
		for v := range there {
			back <- v
		}
		close(back)
	}()
	for i := range count {
		there <- i
		check(<-back == i, "another number came back")
	}
	close(there)
	<-back
}

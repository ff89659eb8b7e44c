package main

import (
	"sync"
	"time"
)

// Messages through one buffered channel, from one goroutine to another.
func stream() {
	flow(1, streamMessages/warmUp)
	start := time.Now()
	flow(1, streamMessages)
	perOperation(start, streamMessages)
}

// The same channel with several producers and as many consumers.
func stream44() {
	flow(stream44Tasks, stream44Messages/warmUp)
	start := time.Now()
	flow(stream44Tasks, stream44Messages)
	perOperation(start, stream44Messages)
}

// flow takes the messages from as many producers as consumers, and checks that each arrived once.
func flow(tasks, messages int) {
	channel := make(chan uint64, streamCapacity)
	sums := make(chan uint64, tasks)
	var producers sync.WaitGroup
	for range tasks {
		go func() {
			var sum uint64
			for v := range channel {
				sum += v
			}
			sums <- sum
		}()
	}
	for range tasks {
		producers.Go(func() {
			for i := range messages / tasks {
				channel <- uint64(i)
			}
		})
	}
	producers.Wait()
	close(channel)
	var sum uint64
	for range tasks {
		sum += <-sums
	}
	each := uint64(messages / tasks)
	check(sum == uint64(tasks)*(each*(each-1)/2), "messages lost or doubled")
}

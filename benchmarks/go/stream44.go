package main

import (
	"sync"
	"time"
)

// Messages through one buffered channel, from four goroutines to four others.
func stream44() {
	flow44(stream44Messages/warmUp)
	start := time.Now()
	flow44(stream44Messages)
	perOperation(start, stream44Messages)
}

// flow44 checks that each message arrived once.
func flow44(messages int) {
	const tasks = stream44Tasks
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

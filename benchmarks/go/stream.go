package main

import "time"

// Messages through one buffered channel, from one goroutine to another.
func stream() {
	flow(streamMessages / warmUp)
	start := time.Now()
	flow(streamMessages)
	perOperation(start, streamMessages)
}

func flow(messages int) {
	channel := make(chan uint64, streamCapacity)
	go func() {
		for range messages {
			channel <- 1
		}
		close(channel)
	}()
	var sum uint64
	for v := range channel {
		sum += v
	}
	check(sum == uint64(messages), "messages lost or doubled")
}

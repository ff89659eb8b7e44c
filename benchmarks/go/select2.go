package main

import "time"

// One goroutine selects over two unbuffered channels, each with a producer of its own.
func select2() {
	selectOf2(producers(2, selectMessages/warmUp), selectMessages/warmUp)
	start := time.Now()
	selectOf2(producers(2, selectMessages), selectMessages)
	perOperation(start, selectMessages)
}

// producers starts one goroutine for each of count channels; together they send that many messages.
func producers(count, messages int) []<-chan uint64 {
	channels := make([]<-chan uint64, count)
	for i := range channels {
		channel := make(chan uint64)
		channels[i] = channel
		go func() {
			for range messages / count {
				channel <- 1
			}
		}()
	}
	return channels
}

func selectOf2(c []<-chan uint64, messages int) {
	c0, c1 := c[0], c[1]
	var sum uint64
	for range messages {
		select {
		case v := <-c0:
			sum += v
		case v := <-c1:
			sum += v
		}
	}
	check(sum == uint64(messages), "messages lost or doubled")
}

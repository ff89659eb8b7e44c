package main

import "time"

// One goroutine selects over eight unbuffered channels, each with a producer of its own.
func select8() {
	selectOf8(producers(8, selectMessages/warmUp), selectMessages/warmUp)
	start := time.Now()
	selectOf8(producers(8, selectMessages), selectMessages)
	perOperation(start, selectMessages)
}

func selectOf8(c []<-chan uint64, messages int) {
	c0, c1, c2, c3, c4, c5, c6, c7 := c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]
	var sum uint64
	for range messages {
		select {
		case v := <-c0:
			sum += v
		case v := <-c1:
			sum += v
		case v := <-c2:
			sum += v
		case v := <-c3:
			sum += v
		case v := <-c4:
			sum += v
		case v := <-c5:
			sum += v
		case v := <-c6:
			sum += v
		case v := <-c7:
			sum += v
		}
	}
	check(sum == uint64(messages), "messages lost or doubled")
}

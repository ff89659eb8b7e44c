package main

import "time"

// A goroutine sends to another, which waits for it on another P's behalf or none's, and goes on computing: how long until
// the other runs. It answers with the time it took, and waits again while the first still computes.
func wakeup() {
	start := time.Now()
	there := make(chan time.Duration, 1)
	back := make(chan time.Duration, 1)
	go func() {
		for sent := range there {
			back <- time.Since(start) - sent
		}
	}()
	var total time.Duration
	for range wakeups {
		sent := time.Since(start)
		there <- sent
		for time.Since(start)-sent < wakeupComputeMs*time.Millisecond {
		}
		total += <-back
	}
	report("us", total.Seconds()*1e6/wakeups)
}

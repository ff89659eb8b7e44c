package main

import "time"

// One goroutine computes for ever, another sleeps a millisecond at a time: how late it wakes.
func hog() {
	go func() {
		for {
		}
	}()
	const sleep = time.Millisecond
	var late time.Duration
	for range hogSleeps {
		start := time.Now()
		time.Sleep(sleep)
		late += time.Since(start) - sleep
	}
	report("ms", late.Seconds()*1e3/hogSleeps)
}

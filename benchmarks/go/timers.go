package main

import (
	"sync"
	"time"
)

// Many goroutines sleep, each for a time of its own; the times are spread evenly over one second, in no order. How late they
// wake, and how long after that second the last of them is done, which is the cost of starting them all.
func sleepers() {
	const spread = time.Second
	lateness := make([]time.Duration, timers)
	var group sync.WaitGroup
	group.Add(timers)
	start := time.Now()
	for i := range timers {
		go func() {
			sleep := spread * time.Duration(i*timersStep%timers+1) / timers
			asleep := time.Now()
			time.Sleep(sleep)
			lateness[i] = time.Since(asleep) - sleep
			group.Done()
		}()
	}
	group.Wait()
	wall := time.Since(start)
	var sum time.Duration
	for _, late := range lateness {
		sum += late
	}
	report("wall_extra_ms", (wall-spread).Seconds()*1e3)
	report("lateness_ms", sum.Seconds()*1e3/timers)
}

package main

import (
	"runtime"
	"sync"
	"time"
)

// Goroutines that do nothing but yield to each other.
func yield() {
	yieldAll(yields / warmUp)
	start := time.Now()
	yieldAll(yields)
	perOperation(start, yields)
}

func yieldAll(count int) {
	var group sync.WaitGroup
	for range yieldTasks {
		group.Go(func() {
			for range count / yieldTasks {
				runtime.Gosched()
			}
		})
	}
	group.Wait()
}

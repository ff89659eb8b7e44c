package main

import (
	"sync"
	"time"
)

// Goroutines that take one mutex in turn to count up.
func mutex() {
	countUp(mutexLocks / warmUp)
	start := time.Now()
	countUp(mutexLocks)
	perOperation(start, mutexLocks)
}

func countUp(locks int) {
	var shared struct {
		sync.Mutex
		count int
	}
	var group sync.WaitGroup
	for range mutexTasks {
		group.Go(func() {
			for range locks / mutexTasks {
				shared.Lock()
				shared.count++
				shared.Unlock()
			}
		})
	}
	group.Wait()
	check(shared.count == locks, "a count was lost")
}

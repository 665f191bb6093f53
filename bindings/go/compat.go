package remotemedia

const (
	eventCompleted = 1
	eventCall      = 2
	eventReleased  = 3
	eventPortEnded = 4
	eventRoom      = 5
	eventOutputs   = 6
	eventReplyRoom = 7
	eventCallOver  = 8
	eventSkipped   = 9
)

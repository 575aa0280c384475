// Consumes a topic by go-nsq, which finds brokers by lookupds alone: `nsq-client topic secret lookupd…`. A line for each
// message, with the broker that it came from.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/nsqio/go-nsq"
)

func main() {
	config := nsq.NewConfig()
	config.AuthSecret = os.Args[2]
	config.LookupdPollInterval = 200 * time.Millisecond
	config.LookupdPollJitter = 0
	consumer, err := nsq.NewConsumer(os.Args[1], "go", config)
	if err != nil {
		panic(err)
	}
	consumer.SetLoggerLevel(nsq.LogLevelError)
	consumer.AddHandler(nsq.HandlerFunc(func(message *nsq.Message) error {
		fmt.Printf("message %s from %s\n", message.Body, message.NSQDAddress)
		return nil
	}))
	if err := consumer.ConnectToNSQLookupds(os.Args[3:]); err != nil {
		panic(err)
	}
	fmt.Println("ready")
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM)
	<-ended
}

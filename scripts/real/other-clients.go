// Produces with and consumes by two Go clients, franz-go and sarama: go run other-clients.go HOST:PORT. Each value is
// read once; every codec. Prints a line for each. Run by other-clients.sh.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"
)

const count = 200

var run = fmt.Sprint(time.Now().Unix())
var failed = false

func judge(client, codec string, values map[string]int) {
	twice := 0
	for _, times := range values {
		twice += times - 1
	}
	verdict := "ok  "
	if len(values) != count || twice != 0 {
		verdict = "FAIL"
		failed = true
	}
	fmt.Printf("%s %s, %s: %d of %d read\n", verdict, client, codec, len(values), count)
}

func must(err error) {
	if err != nil {
		fmt.Println("FAIL", err)
		os.Exit(1)
	}
}

func franz(bootstrap, name string, codec kgo.CompressionCodec) {
	topic := "franz-go-" + name + "-" + run
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	producer, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.DefaultProduceTopic(topic),
		kgo.AllowAutoTopicCreation(), kgo.ProducerBatchCompression(codec))
	must(err)
	for index := 0; index < count; index++ {
		value := []byte(fmt.Sprintf("%s-%d", name, index))
		producer.Produce(ctx, &kgo.Record{Value: value}, func(_ *kgo.Record, err error) { must(err) })
	}
	must(producer.Flush(ctx))
	producer.Close()
	consumer, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.ConsumerGroup(topic), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit())
	must(err)
	values := map[string]int{}
	for len(values) < count {
		fetches := consumer.PollFetches(ctx)
		must(fetches.Err())
		fetches.EachRecord(func(record *kgo.Record) { values[string(record.Value)]++ })
	}
	must(consumer.CommitUncommittedOffsets(ctx))
	consumer.Close()
	judge("franz-go", name, values)
}

func viaSarama(bootstrap, name string, codec sarama.CompressionCodec) {
	topic := "sarama-" + name + "-" + run
	config := sarama.NewConfig()
	config.Version = sarama.MaxVersion
	config.Producer.Return.Successes = true
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Idempotent = true
	config.Net.MaxOpenRequests = 1
	config.Producer.Compression = codec
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	admin, err := sarama.NewClusterAdmin([]string{bootstrap}, config)
	must(err)
	must(admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1}, false))
	must(admin.Close())
	producer, err := sarama.NewSyncProducer([]string{bootstrap}, config)
	must(err)
	messages := make([]*sarama.ProducerMessage, count)
	for index := range messages {
		value := sarama.StringEncoder(fmt.Sprintf("%s-%d", name, index))
		messages[index] = &sarama.ProducerMessage{Topic: topic, Value: value}
	}
	must(producer.SendMessages(messages))
	must(producer.Close())
	consumer, err := sarama.NewConsumer([]string{bootstrap}, config)
	must(err)
	partition, err := consumer.ConsumePartition(topic, 0, sarama.OffsetOldest)
	must(err)
	values := map[string]int{}
	for deadline := time.After(time.Minute); len(values) < count; {
		select {
		case message := <-partition.Messages():
			values[string(message.Value)]++
		case <-deadline:
			judge("sarama", name, values)
			return
		}
	}
	must(partition.Close())
	must(consumer.Close())
	judge("sarama", name, values)
}

func main() {
	bootstrap := os.Args[1]
	franz(bootstrap, "none", kgo.NoCompression())
	franz(bootstrap, "gzip", kgo.GzipCompression())
	franz(bootstrap, "snappy", kgo.SnappyCompression())
	franz(bootstrap, "lz4", kgo.Lz4Compression())
	franz(bootstrap, "zstd", kgo.ZstdCompression())
	viaSarama(bootstrap, "none", sarama.CompressionNone)
	viaSarama(bootstrap, "gzip", sarama.CompressionGZIP)
	viaSarama(bootstrap, "snappy", sarama.CompressionSnappy)
	viaSarama(bootstrap, "lz4", sarama.CompressionLZ4)
	viaSarama(bootstrap, "zstd", sarama.CompressionZSTD)
	if failed {
		os.Exit(1)
	}
}

// Drives franz-go and sarama through what they can say to a broker, for the recorder: main CLIENT HOST:PORT [SCENE].
// "franz-go" speaks its newest versions; "franz-go-old" goes through every version of every API, oldest first.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// Key, oldest and newest version of what the broker accepts.
var apis = [][3]int16{
	{0, 3, 13}, {1, 4, 18}, {2, 1, 11}, {3, 0, 13}, {8, 2, 10}, {9, 1, 10}, {10, 0, 6}, {11, 0, 9}, {12, 0, 4},
	{13, 0, 5}, {14, 0, 5}, {15, 0, 6}, {16, 0, 5}, {18, 0, 4}, {19, 2, 7}, {20, 1, 6}, {22, 0, 5}, {23, 2, 4},
	{32, 1, 4}, {60, 0, 2},
}

const steps = 15

var codecs = []kgo.CompressionCodec{
	kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression(),
}

func main() {
	client, bootstrap := os.Args[1], os.Args[2]
	switch client {
	case "franz-go":
		franz(bootstrap, "golden-franz-go", nil, true)
	case "franz-go-old":
		for step := int16(0); step < steps; step++ {
			for _, newMetadata := range []bool{false, true} {
				name := fmt.Sprintf("golden-franz-go-%d-%v", step, newMetadata)
				franz(bootstrap, name, atStep(step, newMetadata), newMetadata)
			}
		}
	case "sarama":
		useSarama(bootstrap)
	case "replication":
		replicationScene(os.Args[3], bootstrap)
	case "administration":
		administrationScene(bootstrap, os.Args[3])
	case "old-log-ins":
		oldLogIns(bootstrap)
	}
}

// Topic ids, and what needs them, come with new Metadata: so there is a second walk with the newest.
func atStep(step int16, newMetadata bool) *kversion.Versions {
	versions := kversion.Stable()
	for _, api := range apis {
		key, version := api[0], min(api[1]+step, api[2])
		if newMetadata && key == 3 {
			version = api[2]
		}
		versions.SetMaxKeyVersion(key, version)
	}
	return versions
}

func franz(bootstrap, topic string, versions *kversion.Versions, newMetadata bool) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	common := []kgo.Opt{kgo.SeedBrokers(bootstrap), kgo.ClientID("golden")}
	if versions != nil {
		common = append(common, kgo.MaxVersions(versions))
	}
	client, err := kgo.NewClient(append(common, kgo.DisableIdempotentWrite())...)
	must(err)
	defer client.Close()
	admin := kadm.NewClient(client)
	value := "600000"
	controller := admin
	if versions != nil && !newMetadata {
		// Metadata v0 does not say who the controller is; the other walk creates and deletes in every version.
		newest, err := kgo.NewClient(kgo.SeedBrokers(bootstrap))
		must(err)
		defer newest.Close()
		controller = kadm.NewClient(newest)
	}
	_, err = controller.CreateTopics(ctx, 2, 1, map[string]*string{"retention.ms": &value}, topic)
	must(err)
	_, err = admin.DescribeTopicConfigs(ctx, topic)
	complain(topic, err)

	produceWith := codecs
	if versions != nil {
		produceWith = codecs[:1]
	}
	for index, codec := range produceWith {
		options := append(common[:len(common):len(common)], kgo.ProducerBatchCompression(codec),
			kgo.RecordPartitioner(kgo.ManualPartitioner()))
		if versions == nil && index > 0 && index < len(codecs)-1 {
			options = append(options, kgo.DisableIdempotentWrite())
		}
		producer, err := kgo.NewClient(options...)
		must(err)
		records := []*kgo.Record{}
		for n := 0; n < 6; n++ {
			records = append(records, &kgo.Record{
				Topic: topic, Key: []byte(fmt.Sprintf("key-%d", n)), Value: []byte("GET /products/1 200"),
				Headers: []kgo.RecordHeader{{Key: "pos", Value: []byte("0")}},
			})
		}
		complain(topic, producer.ProduceSync(ctx, records...).FirstErr())
		producer.Close()
	}
	for round := 0; round < 2; round++ {
		franzGroup(ctx, common, topic, admin)
	}
	franzAdmin(ctx, client, admin, topic)
	_, err = controller.DeleteTopics(ctx, topic)
	complain(topic, err)
}

func franzGroup(ctx context.Context, common []kgo.Opt, topic string, admin *kadm.Client) {
	consumer, err := kgo.NewClient(append(common[:len(common):len(common)], kgo.ConsumerGroup(topic),
		kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(), kgo.HeartbeatInterval(100*time.Millisecond),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(200*time.Millisecond))...)
	must(err)
	short, cancel := context.WithTimeout(ctx, 1500*time.Millisecond)
	fetches := consumer.PollRecords(short, 3)
	cancel()
	complain(topic, consumer.CommitRecords(ctx, fetches.Records()...))
	_, err = admin.DescribeGroups(ctx, topic)
	complain(topic, err)
	time.Sleep(250 * time.Millisecond)
	consumer.LeaveGroup()
	consumer.Close()
}

func franzAdmin(ctx context.Context, client *kgo.Client, admin *kadm.Client, topic string) {
	_, err := admin.ListGroups(ctx)
	complain(topic, err)
	_, err = admin.FetchOffsets(ctx, topic)
	complain(topic, err)
	_, err = admin.ListEndOffsets(ctx, topic)
	complain(topic, err)
	_, err = admin.ListOffsetsAfterMilli(ctx, 1, topic)
	complain(topic, err)

	epoch := kmsg.NewPtrOffsetForLeaderEpochRequest()
	epoch.ReplicaID = -1
	epochTopic := kmsg.NewOffsetForLeaderEpochRequestTopic()
	epochTopic.Topic = topic
	epochPartition := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
	epochPartition.CurrentLeaderEpoch = -1
	epochTopic.Partitions = append(epochTopic.Partitions, epochPartition)
	epoch.Topics = append(epoch.Topics, epochTopic)
	_, err = client.Request(ctx, epoch)
	complain(topic, err)

	_, err = client.Request(ctx, kmsg.NewPtrDescribeClusterRequest())
	complain(topic, err)
	_, err = client.Request(ctx, kmsg.NewPtrInitProducerIDRequest())
	complain(topic, err)
	_, err = client.Request(ctx, kmsg.NewPtrMetadataRequest())
	complain(topic, err)
}

func useSarama(bootstrap string) {
	const topic = "golden-sarama"
	config := sarama.NewConfig()
	config.ClientID = "golden"
	config.Producer.Return.Successes = true
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Enable = false
	config.Consumer.Group.Heartbeat.Interval = 300 * time.Millisecond
	admin, err := sarama.NewClusterAdmin([]string{bootstrap}, config)
	must(err)
	must(admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: 2, ReplicationFactor: 1}, false))
	_, err = admin.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: topic})
	complain(topic, err)
	for _, codec := range []sarama.CompressionCodec{0, 1, 2, 3, 4} {
		config.Producer.Compression = codec
		producer, err := sarama.NewSyncProducer([]string{bootstrap}, config)
		must(err)
		_, _, err = producer.SendMessage(&sarama.ProducerMessage{
			Topic: topic, Key: sarama.StringEncoder("key-1"), Value: sarama.StringEncoder("GET /products/1 200"),
			Headers: []sarama.RecordHeader{{Key: []byte("pos"), Value: []byte("0")}},
		})
		complain(topic, err)
		complain(topic, producer.Close())
	}
	for round := 0; round < 2; round++ {
		group, err := sarama.NewConsumerGroup([]string{bootstrap}, topic, config)
		must(err)
		ctx, cancel := context.WithTimeout(context.Background(), 2500*time.Millisecond)
		complain(topic, group.Consume(ctx, []string{topic}, reader{}))
		cancel()
		complain(topic, group.Close())
	}
	_, err = admin.ListConsumerGroups()
	complain(topic, err)
	_, err = admin.DescribeConsumerGroups([]string{topic})
	complain(topic, err)
	_, err = admin.ListConsumerGroupOffsets(topic, map[string][]int32{topic: {0, 1}})
	complain(topic, err)
	complain(topic, admin.DeleteTopic(topic))
	complain(topic, admin.Close())
}

type reader struct{}

func (reader) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (reader) Cleanup(sarama.ConsumerGroupSession) error { return nil }
func (reader) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case message, open := <-claim.Messages():
			if !open {
				return nil
			}
			session.MarkMessage(message, "")
			session.Commit()
		case <-session.Context().Done():
			return nil
		}
	}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// What an old version cannot do is not recorded.
func complain(what string, err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, what+":", err)
	}
}

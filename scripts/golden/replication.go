// The scenes of replication that franz-go plays for the recorder: what every version of the APIs about replicas asks
// and is answered, errors too. Each step goes by the client id "golden.STEP", by which the recorder tells it apart.
package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// Its partitions 0 to 2 prefer brokers 1 to 3; the lone one is on broker 3 only, the moving one on broker 1.
const (
	replicated = "golden-replicated"
	lone       = "golden-lone"
	moving     = "golden-moving"
)

type scene struct {
	bootstrap string
}

func replicationScene(name, bootstrap string) {
	play := scene{bootstrap}
	switch name {
	case "create":
		play.create()
	case "whole":
		play.whole()
	case "without-3":
		play.without3()
	case "returned":
		play.returned()
	}
}

func (play scene) ask(step string, key, version int16, request kmsg.Request) {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	versions := kversion.Stable()
	versions.SetMaxKeyVersion(key, version)
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(play.bootstrap, ",")...), kgo.ClientID(clientID(step)),
		kgo.MaxVersions(versions), kgo.RequestRetries(0))
	must(err)
	defer client.Close()
	// Log directories are each broker's own: the first is asked.
	if key == 35 || key == 1 || key == 23 {
		_, err = client.Broker(1).Request(ctx, request)
	} else {
		_, err = client.Request(ctx, request)
	}
	complain(fmt.Sprintf("%s v%d", step, version), err)
}

// What only sets the scene is no step.
func clientID(step string) string {
	if step == "" {
		return "golden"
	}
	return "golden." + step
}

func (play scene) create() {
	request := kmsg.NewPtrCreateTopicsRequest()
	request.TimeoutMillis = 10_000
	for name, assignment := range map[string][][]int32{
		replicated: {{1, 2, 3}, {2, 3, 1}, {3, 1, 2}}, lone: {{3}}, moving: {{1}},
	} {
		topic := kmsg.NewCreateTopicsRequestTopic()
		topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, -1, -1
		for index, replicas := range assignment {
			partition := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
			partition.Partition, partition.Replicas = int32(index), replicas
			topic.ReplicaAssignment = append(topic.ReplicaAssignment, partition)
		}
		request.Topics = append(request.Topics, topic)
	}
	play.ask("", 19, 5, request)
	time.Sleep(time.Second)
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	producer, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(play.bootstrap, ",")...), kgo.ClientID("golden"), kgo.DisableIdempotentWrite(),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.NoCompression()))
	must(err)
	defer producer.Close()
	for n := 0; n < 6; n++ {
		record := &kgo.Record{Topic: replicated, Partition: int32(n % 3), Value: []byte("GET /products/1 200")}
		complain(replicated, producer.ProduceSync(ctx, record).FirstErr())
	}
}

func (play scene) whole() {
	for version := int16(1); version <= 5; version++ {
		play.logDirs("all", version)
		play.logDirs("named", version, replicated, 0, 2)
		play.logDirs("unknown-topic", version, "golden-absent", 0)
		play.logDirs("unknown-partition", version, replicated, 7)
	}
	for version := int16(0); version <= 2; version++ {
		play.elect("not-needed", version, 0, replicated, 0)
		play.elect("unknown-topic", version, 0, "golden-absent", 0)
		play.elect("unknown-partition", version, 0, replicated, 7)
		play.elect("everything", version, 0, "")
		if version > 0 {
			play.elect("unclean-not-needed", version, 1, replicated, 0)
			play.elect("unknown-type", version, 7, replicated, 0)
		}
	}
	for version := int16(0); version <= 1; version++ {
		play.reassign("unknown-topic", version, true, "golden-absent", 0, []int32{1})
		play.reassign("unknown-partition", version, true, replicated, 7, []int32{1})
		play.reassign("no-replicas", version, true, replicated, 0, []int32{})
		play.reassign("twice-the-same", version, true, replicated, 0, []int32{1, 1, 2})
		play.reassign("unknown-broker", version, true, replicated, 0, []int32{1, 2, 99})
		play.reassign("negative-broker", version, true, replicated, 0, []int32{1, 2, -1})
		play.reassign("none-in-progress", version, true, replicated, 0, nil)
		play.reassign("cancel-unknown-topic", version, true, "golden-absent", 0, nil)
		play.reassign("as-it-is", version, true, replicated, 0, []int32{1, 2, 3})
	}
	play.reassign("other-factor", 1, false, replicated, 0, []int32{1, 2})
	play.reassign("same-factor", 1, false, replicated, 0, []int32{1, 3, 2})
	play.list("none", "")
	play.list("named-none", replicated, 0, 1)
	play.list("unknown-topic", "golden-absent", 0)
	for version := int16(2); version <= 4; version++ {
		play.epochs("by-a-replica", version, 2)
	}
	play.fetch("by-an-earlier-life", 18, 2, 0)
	play.fetch("by-no-replica", 18, 9, 0)
}

func (play scene) without3() {
	for version := int16(0); version <= 2; version++ {
		play.elect("preferred-not-available", version, 0, replicated, 2)
		play.elect("everything-without-3", version, 0, "")
		if version > 0 {
			play.elect("none-eligible", version, 1, lone, 0)
		}
	}
	for version := int16(0); version <= 1; version++ {
		play.reassign("begin", version, true, moving, 0, []int32{1, 3})
		play.list("moving", "")
		play.list("named-moving", moving, 0, 5)
		play.reassign("cancel", version, true, moving, 0, nil)
		play.list("cancelled", "")
	}
	play.reassign("begin-same-factor", 1, false, moving, 0, []int32{3})
	play.list("replacing", "")
	play.reassign("cancel-replacing", 1, true, moving, 0, nil)
}

func (play scene) returned() {
	play.elect("elected", 2, 0, replicated, 2)
	play.elect("elected-already", 2, 0, replicated, 2)
}

func (play scene) logDirs(step string, version int16, what ...any) {
	request := kmsg.NewPtrDescribeLogDirsRequest()
	if len(what) > 0 {
		topic := kmsg.NewDescribeLogDirsRequestTopic()
		topic.Topic, topic.Partitions = what[0].(string), numbers(what[1:])
		request.Topics = append(request.Topics, topic)
	}
	play.ask(step, 35, version, request)
}

func (play scene) elect(step string, version int16, kind int8, topic string, partitions ...any) {
	request := kmsg.NewPtrElectLeadersRequest()
	request.ElectionType, request.TimeoutMillis = kind, 5_000
	if topic != "" {
		row := kmsg.NewElectLeadersRequestTopic()
		row.Topic, row.Partitions = topic, numbers(partitions)
		request.Topics = append(request.Topics, row)
	}
	play.ask(step, 43, version, request)
}

func (play scene) reassign(step string, version int16, mayGrow bool, topic string, index int32, replicas []int32) {
	request := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	request.TimeoutMillis, request.AllowReplicationFactorChange = 5_000, mayGrow
	row := kmsg.NewAlterPartitionAssignmentsRequestTopic()
	row.Topic = topic
	partition := kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
	partition.Partition, partition.Replicas = index, replicas
	row.Partitions = append(row.Partitions, partition)
	request.Topics = append(request.Topics, row)
	play.ask(step, 45, version, request)
}

func (play scene) list(step string, topic string, partitions ...any) {
	request := kmsg.NewPtrListPartitionReassignmentsRequest()
	request.TimeoutMillis = 5_000
	if topic != "" {
		row := kmsg.NewListPartitionReassignmentsRequestTopic()
		row.Topic, row.Partitions = topic, numbers(partitions)
		request.Topics = append(request.Topics, row)
	}
	play.ask(step, 46, 0, request)
}

func (play scene) epochs(step string, version int16, replica int32) {
	request := kmsg.NewPtrOffsetForLeaderEpochRequest()
	request.ReplicaID = replica
	topic := kmsg.NewOffsetForLeaderEpochRequestTopic()
	topic.Topic = replicated
	partition := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
	partition.CurrentLeaderEpoch = -1
	topic.Partitions = append(topic.Partitions, partition)
	request.Topics = append(request.Topics, topic)
	play.ask(step, 23, version, request)
}

// Of partition 0, whose id is asked for first, where versions want one.
func (play scene) fetch(step string, version int16, replica int32, replicaEpoch int64) {
	request := kmsg.NewPtrFetchRequest()
	request.ReplicaID, request.ReplicaState.ID, request.ReplicaState.Epoch = replica, replica, replicaEpoch
	request.MinBytes, request.MaxBytes, request.MaxWaitMillis = 0, 1<<20, 0
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic, topic.TopicID = replicated, play.idOf(replicated)
	partition := kmsg.NewFetchRequestTopicPartition()
	partition.CurrentLeaderEpoch, partition.PartitionMaxBytes = 0, 1<<20
	topic.Partitions = append(topic.Partitions, partition)
	request.Topics = append(request.Topics, topic)
	play.ask(step, 1, version, request)
}

func (play scene) idOf(name string) [16]byte {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(play.bootstrap, ",")...))
	must(err)
	defer client.Close()
	request := kmsg.NewPtrMetadataRequest()
	topic := kmsg.NewMetadataRequestTopic()
	topic.Topic = &name
	request.Topics = append(request.Topics, topic)
	answer, err := request.RequestWith(ctx, client)
	must(err)
	return answer.Topics[0].TopicID
}

func numbers(from []any) []int32 {
	var all []int32
	for _, one := range from {
		all = append(all, int32(one.(int)))
	}
	return all
}

// The scene of administration that franz-go plays for the recorder: what every version of the APIs that change topics,
// groups, users and rights asks and is answered, errors too. Steps and versions go in the order in which
// tests/system/administration-answers.test.ts plays them again.
package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

const (
	tuned      = "golden-tuned"
	absent     = "golden-absent"
	busy       = "golden-busy"
	versionMax = 9
)

// The broker is asked itself: nothing is split, retried or sent elsewhere.
func (play scene) askBroker(step string, key, version int16, request kmsg.Request) kmsg.Response {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	versions := kversion.Stable()
	versions.SetMaxKeyVersion(key, version)
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(play.bootstrap, ",")...), kgo.ClientID(clientID(step)),
		kgo.MaxVersions(versions), kgo.RequestRetries(0))
	must(err)
	defer client.Close()
	response, err := client.Broker(1).Request(ctx, request)
	complain(fmt.Sprintf("%s v%d", step, version), err)
	return response
}

func administrationScene(bootstrap, saslBootstrap string) {
	play := scene{bootstrap}
	play.topic(tuned, 2)
	play.member(busy)
	for version := int16(0); version <= versionMax; version++ {
		play.configs(version)
		play.growth(version)
		play.deletions(version)
		play.rules(version)
		play.users(version)
		play.rest(version)
		play.statics(version)
	}
	logIns(saslBootstrap)
}

func (play scene) topic(name string, partitions int32) {
	request := kmsg.NewPtrCreateTopicsRequest()
	request.TimeoutMillis = 10_000
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, partitions, 1
	request.Topics = append(request.Topics, topic)
	play.askBroker("", 19, 5, request)
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	producer, err := kgo.NewClient(kgo.SeedBrokers(play.bootstrap), kgo.ClientID("golden"),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.NoCompression()))
	must(err)
	defer producer.Close()
	for n := 0; n < 4; n++ {
		record := &kgo.Record{Topic: name, Partition: 0, Value: []byte("GET /products/1 200")}
		complain(name, producer.ProduceSync(ctx, record).FirstErr())
	}
}

// What a consumer says of itself: version 0, the topics, no data.
func subscription(topic string) []byte {
	return append(append([]byte{0, 0, 0, 0, 0, 1, 0, byte(len(topic))}, topic...), 0xff, 0xff, 0xff, 0xff)
}

func (play scene) join(step string, version int16, group string, instance *string) *kmsg.JoinGroupResponse {
	request := kmsg.NewPtrJoinGroupRequest()
	request.Group, request.InstanceID, request.ProtocolType = group, instance, "consumer"
	request.SessionTimeoutMillis, request.RebalanceTimeoutMillis = 300_000, 10_000
	protocol := kmsg.NewJoinGroupRequestProtocol()
	protocol.Name, protocol.Metadata = "range", subscription(tuned)
	request.Protocols = append(request.Protocols, protocol)
	response, _ := play.askBroker(step, 11, version, request).(*kmsg.JoinGroupResponse)
	return response
}

func (play scene) sync(group string, joined *kmsg.JoinGroupResponse, instance *string) {
	request := kmsg.NewPtrSyncGroupRequest()
	request.Group, request.MemberID, request.InstanceID = group, joined.MemberID, instance
	request.Generation = joined.Generation
	assignment := kmsg.NewSyncGroupRequestGroupAssignment()
	assignment.MemberID, assignment.MemberAssignment = joined.MemberID, []byte("all of it")
	request.GroupAssignment = append(request.GroupAssignment, assignment)
	play.askBroker("", 14, 3, request)
}

// Stays for the length of the scene.
func (play scene) member(group string) {
	play.sync(group, play.join("", 3, group, nil), nil)
}

type change struct {
	name  string
	op    kmsg.IncrementalAlterConfigOp
	value *string
}

func text(value string) *string { return &value }

func (play scene) configs(version int16) {
	const topicType, brokerType = kmsg.ConfigResourceTypeTopic, kmsg.ConfigResourceTypeBroker
	const set, remove, add, subtract = 0, 1, 2, 3
	good := change{"retention.ms", set, text("60000")}
	alter := func(step string, kind kmsg.ConfigResourceType, name string, only bool, changes ...change) {
		if version <= 1 {
			request := kmsg.NewPtrIncrementalAlterConfigsRequest()
			resource := kmsg.NewIncrementalAlterConfigsRequestResource()
			resource.ResourceType, resource.ResourceName = kind, name
			for _, one := range changes {
				config := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
				config.Name, config.Op, config.Value = one.name, one.op, one.value
				resource.Configs = append(resource.Configs, config)
			}
			request.Resources, request.ValidateOnly = append(request.Resources, resource), only
			if step == "twice-named" {
				request.Resources = append(request.Resources, resource)
			}
			play.askBroker(step, 44, version, request)
		}
		if version <= 2 && !strings.HasPrefix(step, "list-") && step != "removed" {
			request := kmsg.NewPtrAlterConfigsRequest()
			resource := kmsg.NewAlterConfigsRequestResource()
			resource.ResourceType, resource.ResourceName = kind, name
			for _, one := range changes {
				config := kmsg.NewAlterConfigsRequestResourceConfig()
				config.Name, config.Value = one.name, one.value
				resource.Configs = append(resource.Configs, config)
			}
			request.Resources, request.ValidateOnly = append(request.Resources, resource), only
			if step == "twice-named" {
				request.Resources = append(request.Resources, resource)
			}
			play.askBroker(step, 33, version, request)
		}
	}
	alter("set", topicType, tuned, false, good)
	alter("unknown-topic", topicType, absent, false, good)
	alter("unknown-name", topicType, tuned, false, change{"no.such.thing", set, text("1")})
	alter("no-number", topicType, tuned, false, change{"retention.ms", set, text("a week")})
	alter("too-small", topicType, tuned, false, change{"segment.bytes", set, text("10")})
	alter("null-value", topicType, tuned, false, change{"retention.ms", set, nil})
	alter("name-twice", topicType, tuned, false, good, good)
	alter("unknown-type", 77, tuned, false, good)
	alter("only-validated", topicType, tuned, true, good)
	alter("only-validated-bad", topicType, tuned, true, change{"retention.ms", set, text("a week")})
	alter("fixed-of-broker", brokerType, "1", false, change{"broker.id", set, text("7")})
	alter("unknown-broker", brokerType, "99", false, change{"log.retention.ms", set, text("60000")})
	alter("no-broker", brokerType, "one", false, change{"log.retention.ms", set, text("60000")})
	alter("list-of-no-list", topicType, tuned, false, change{"retention.ms", add, text("1")})
	alter("list-added", topicType, tuned, false, change{"cleanup.policy", add, text("compact")})
	alter("list-subtracted", topicType, tuned, false, change{"cleanup.policy", subtract, text("compact")})
	alter("removed", topicType, tuned, false, change{"retention.ms", remove, nil})
	alter("none", topicType, tuned, false)
}

func (play scene) growth(version int16) {
	if version > 3 {
		return
	}
	name := fmt.Sprintf("golden-growing-%d", version)
	play.topic(name, 2)
	grow := func(step, topic string, count int32, only bool, assignments ...[]int32) {
		request := kmsg.NewPtrCreatePartitionsRequest()
		request.TimeoutMillis, request.ValidateOnly = 5_000, only
		row := kmsg.NewCreatePartitionsRequestTopic()
		row.Topic, row.Count = topic, count
		for _, replicas := range assignments {
			assignment := kmsg.NewCreatePartitionsRequestTopicAssignment()
			assignment.Replicas = replicas
			row.Assignment = append(row.Assignment, assignment)
		}
		request.Topics = append(request.Topics, row)
		if step == "named-twice" {
			request.Topics = append(request.Topics, row)
		}
		play.askBroker(step, 37, version, request)
	}
	grow("as-many", name, 2, false)
	grow("fewer", name, 1, false)
	grow("negative", name, -1, false)
	grow("to-absent", absent, 3, false)
	grow("only-asked", name, 3, true)
	grow("too-few-assigned", name, 4, false, []int32{1})
	grow("to-unknown-broker", name, 3, false, []int32{99})
	grow("to-one-twice", name, 3, false, []int32{1, 1})
	grow("named-twice", name, 3, false)
	grow("assigned", name, 3, false, []int32{1})
	grow("grown", name, 4, false)
}

func (play scene) commit(group string) {
	request := kmsg.NewPtrOffsetCommitRequest()
	request.Group, request.Generation = group, -1
	topic := kmsg.NewOffsetCommitRequestTopic()
	topic.Topic = tuned
	for index := int32(0); index < 2; index++ {
		partition := kmsg.NewOffsetCommitRequestTopicPartition()
		partition.Partition, partition.Offset, partition.Metadata = index, 2, text("")
		topic.Partitions = append(topic.Partitions, partition)
	}
	request.Topics = append(request.Topics, topic)
	play.askBroker("", 8, 8, request)
}

func (play scene) deletions(version int16) {
	idle := fmt.Sprintf("golden-idle-%d", version)
	if version == 0 {
		play.commit(idle)
		forget := func(step, group, topic string, index int32) {
			request := kmsg.NewPtrOffsetDeleteRequest()
			request.Group = group
			row := kmsg.NewOffsetDeleteRequestTopic()
			row.Topic = topic
			partition := kmsg.NewOffsetDeleteRequestTopicPartition()
			partition.Partition = index
			row.Partitions = append(row.Partitions, partition)
			request.Topics = append(request.Topics, row)
			play.askBroker(step, 47, version, request)
		}
		forget("forgotten", idle, tuned, 0)
		forget("forgotten-already", idle, tuned, 0)
		forget("of-unknown-partition", idle, tuned, 7)
		forget("of-unknown-topic", idle, absent, 0)
		forget("of-unknown-group", absent, tuned, 0)
		forget("of-subscribed", busy, tuned, 0)
	}
	if version <= 2 {
		play.commit(idle)
		remove := func(step string, groups ...string) {
			request := kmsg.NewPtrDeleteGroupsRequest()
			request.Groups = groups
			play.askBroker(step, 42, version, request)
		}
		remove("deleted", idle)
		remove("deleted-already", idle)
		remove("has-members", busy)
		remove("nameless", "")
		remove("one-of-two", busy, absent)
		trim := func(step, topic string, index int32, offset int64) {
			request := kmsg.NewPtrDeleteRecordsRequest()
			request.TimeoutMillis = 5_000
			row := kmsg.NewDeleteRecordsRequestTopic()
			row.Topic = topic
			partition := kmsg.NewDeleteRecordsRequestTopicPartition()
			partition.Partition, partition.Offset = index, offset
			row.Partitions = append(row.Partitions, partition)
			request.Topics = append(request.Topics, row)
			play.askBroker(step, 21, version, request)
		}
		trim("trimmed", fmt.Sprintf("golden-growing-%d", version), 0, 2)
		trim("trimmed-already", fmt.Sprintf("golden-growing-%d", version), 0, 1)
		trim("beyond-the-end", fmt.Sprintf("golden-growing-%d", version), 0, 100)
		trim("below-all", fmt.Sprintf("golden-growing-%d", version), 0, -2)
		trim("all-there-is", fmt.Sprintf("golden-growing-%d", version), 0, -1)
		trim("unknown-partition", tuned, 7, 0)
		trim("of-absent", absent, 0, 0)
	}
}

func (play scene) rules(version int16) {
	if version < 1 || version > 3 {
		return
	}
	const topic, literal, prefixed, anyPattern, read, allow = 2, 3, 4, 1, 3, 3
	create := func(step, name, principal string, kind kmsg.ACLResourceType, pattern kmsg.ACLResourcePatternType) {
		request := kmsg.NewPtrCreateACLsRequest()
		creation := kmsg.NewCreateACLsRequestCreation()
		creation.ResourceType, creation.ResourceName, creation.ResourcePatternType = kind, name, pattern
		creation.Principal, creation.Host, creation.Operation, creation.PermissionType = principal, "*", read, allow
		request.Creations = append(request.Creations, creation)
		play.askBroker(step, 30, version, request)
	}
	create("allowed", "golden-", "User:golden", topic, prefixed)
	create("allowed-again", "golden-", "User:golden", topic, prefixed)
	create("of-nothing", "", "User:golden", topic, literal)
	create("of-any-type", "golden-", "User:golden", 1, literal)
	create("by-any-pattern", "golden-", "User:golden", topic, anyPattern)
	create("for-nobody", "golden-", "golden", topic, literal)
	create("other-cluster", "golden-", "User:golden", 4, literal)
	describe := func(step string, name *string, kind kmsg.ACLResourceType, pattern kmsg.ACLResourcePatternType) {
		request := kmsg.NewPtrDescribeACLsRequest()
		request.ResourceType, request.ResourceName, request.ResourcePatternType = kind, name, pattern
		request.Principal, request.Operation, request.PermissionType = text("User:golden"), 1, 1
		play.askBroker(step, 29, version, request)
	}
	describe("all-rules", nil, 1, anyPattern)
	describe("rules-of-a-topic", text("golden-tuned"), topic, 2)
	describe("no-rules", text("golden-tuned"), topic, literal)
	remove := func(step string, name *string, pattern kmsg.ACLResourcePatternType) {
		request := kmsg.NewPtrDeleteACLsRequest()
		filter := kmsg.NewDeleteACLsRequestFilter()
		filter.ResourceType, filter.ResourceName, filter.ResourcePatternType = topic, name, pattern
		filter.Principal, filter.Operation, filter.PermissionType = text("User:golden"), 1, 1
		request.Filters = append(request.Filters, filter)
		play.askBroker(step, 31, version, request)
	}
	remove("rules-deleted", text("golden-"), prefixed)
	remove("rules-gone", nil, anyPattern)
}

func (play scene) users(version int16) {
	if version > 0 {
		return
	}
	upsert := func(step, name string, mechanism int8, iterations int32) {
		request := kmsg.NewPtrAlterUserSCRAMCredentialsRequest()
		row := kmsg.NewAlterUserSCRAMCredentialsRequestUpsertion()
		row.Name, row.Mechanism, row.Iterations = name, mechanism, iterations
		row.Salt, row.SaltedPassword = []byte("some salt"), make([]byte, 32)
		request.Upsertions = append(request.Upsertions, row)
		play.askBroker(step, 51, 0, request)
	}
	remove := func(step, name string, mechanism int8) {
		request := kmsg.NewPtrAlterUserSCRAMCredentialsRequest()
		row := kmsg.NewAlterUserSCRAMCredentialsRequestDeletion()
		row.Name, row.Mechanism = name, mechanism
		request.Deletions = append(request.Deletions, row)
		play.askBroker(step, 51, 0, request)
	}
	describe := func(step string, names ...string) {
		request := kmsg.NewPtrDescribeUserSCRAMCredentialsRequest()
		for _, name := range names {
			row := kmsg.NewDescribeUserSCRAMCredentialsRequestUser()
			row.Name = name
			request.Users = append(request.Users, row)
		}
		play.askBroker(step, 50, 0, request)
	}
	upsert("user-made", "golden-user", 1, 8_192)
	upsert("too-few-iterations", "golden-user", 1, 100)
	upsert("too-many-iterations", "golden-user", 1, 100_000)
	upsert("unknown-mechanism", "golden-user", 7, 8_192)
	upsert("nameless-user", "", 1, 8_192)
	describe("user", "golden-user")
	describe("unknown-user", absent)
	describe("user-twice", "golden-user", "golden-user")
	remove("other-mechanism", "golden-user", 2)
	remove("user-deleted", "golden-user", 1)
	remove("user-gone", "golden-user", 1)
}

func (play scene) rest(version int16) {
	if version == 0 {
		producers := func(step, topic string, partitions ...int32) {
			request := kmsg.NewPtrDescribeProducersRequest()
			row := kmsg.NewDescribeProducersRequestTopic()
			row.Topic, row.Partitions = topic, partitions
			request.Topics = append(request.Topics, row)
			play.askBroker(step, 61, 0, request)
		}
		producers("producers", tuned, 0, 1)
		producers("producers-of-unknown", tuned, 7)
		producers("producers-of-absent", absent, 0)
		request := kmsg.NewPtrUnregisterBrokerRequest()
		request.BrokerID = 99
		play.askBroker("not-registered", 64, 0, request)
	}
	if version <= 1 {
		resources := func(step string, types ...int8) {
			request := kmsg.NewPtrListConfigResourcesRequest()
			request.ResourceTypes = types
			play.askBroker(step, 74, version, request)
		}
		resources("resources")
		if version == 1 {
			resources("brokers", 4)
			resources("resources-unknown", 77)
		}
	}
	if version <= 6 {
		request := kmsg.NewPtrDescribeGroupsRequest()
		request.Groups = []string{absent}
		play.askBroker("no-such-group", 15, version, request)
	}
}

// A static member joins, restarts, is fenced under its old id, and is removed by its instance.
func (play scene) statics(version int16) {
	group, instance := fmt.Sprintf("golden-static-%d", version), "shelf-1"
	if version >= 5 {
		joined := play.join("static-join", version, group, &instance)
		play.sync(group, joined, &instance)
		play.join("static-back", version, group, &instance)
	}
	if version == 3 || version == 4 {
		joined := play.join("", 5, group, &instance)
		play.sync(group, joined, &instance)
		beat := func(step, who string) {
			request := kmsg.NewPtrHeartbeatRequest()
			request.Group, request.Generation, request.MemberID = group, 1, "an-old-id"
			request.InstanceID = &who
			play.askBroker(step, 12, version, request)
		}
		beat("static-fenced", instance)
		beat("static-stranger", "shelf-2")
	}
	if version >= 3 && version <= 5 {
		leave := func(step, who, member string) {
			request := kmsg.NewPtrLeaveGroupRequest()
			request.Group = group
			row := kmsg.NewLeaveGroupRequestMember()
			row.InstanceID, row.MemberID = &who, member
			request.Members = append(request.Members, row)
			play.askBroker(step, 13, version, request)
		}
		leave("static-leaves-fenced", instance, "an-old-id")
		leave("static-leaves-stranger", "shelf-2", "")
		leave("static-leaves", instance, "")
	}
}

// By SCRAM, which both brokers offer without TLS.
func logIns(bootstrap string) {
	logIn := func(step string, version int16, user, password string, sha512 bool) {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		versions := kversion.Stable()
		versions.SetMaxKeyVersion(36, version)
		auth := scram.Auth{User: user, Pass: password}
		mechanism := auth.AsSha256Mechanism()
		if sha512 {
			mechanism = auth.AsSha512Mechanism()
		}
		client, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.ClientID(clientID(step)), kgo.MaxVersions(versions),
			kgo.SASL(mechanism), kgo.RequestRetries(0))
		must(err)
		defer client.Close()
		err = client.Ping(ctx)
		fmt.Printf("%s v%d: %v\n", step, version, err)
	}
	for version := int16(0); version <= 2; version++ {
		logIn("logged-in", version, "golden-admin", "golden-secret", false)
		logIn("logged-in-512", version, "golden-admin", "golden-secret", true)
		logIn("wrong-password", version, "golden-admin", "guessed", false)
		logIn("stranger", version, "nobody", "guessed", false)
	}
}

// The older versions of the log-in, which franz-go does not speak. The rules of SCRAM are franz-go's all the same.
func oldLogIns(bootstrap string) {
	logIn := func(step string, version sarama.KafkaVersion, password string) {
		config := sarama.NewConfig()
		config.Version, config.ClientID = version, clientID(step)
		config.Metadata.Retry.Max = 0
		config.Net.SASL.Enable, config.Net.SASL.User, config.Net.SASL.Password = true, "golden-admin", password
		config.Net.SASL.Version, config.Net.SASL.Mechanism = sarama.SASLHandshakeV1, sarama.SASLTypeSCRAMSHA256
		config.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &conversation{} }
		client, err := sarama.NewClient([]string{bootstrap}, config)
		fmt.Printf("%s %v: %v\n", step, version, err)
		if err == nil {
			client.Close()
		}
	}
	for _, version := range []sarama.KafkaVersion{sarama.V2_0_0_0, sarama.V2_2_0_0} {
		logIn("logged-in", version, "golden-secret")
		logIn("wrong-password", version, "guessed")
	}
}

type conversation struct {
	session sasl.Session
	opening []byte
	done    bool
}

func (talk *conversation) Begin(user, password, _ string) (err error) {
	mechanism := scram.Auth{User: user, Pass: password}.AsSha256Mechanism()
	talk.session, talk.opening, err = mechanism.Authenticate(context.Background(), "")
	return err
}

func (talk *conversation) Step(challenge string) (string, error) {
	if talk.opening != nil {
		opening := string(talk.opening)
		talk.opening = nil
		return opening, nil
	}
	done, answer, err := talk.session.Challenge([]byte(challenge))
	talk.done = done
	return string(answer), err
}

func (talk *conversation) Done() bool { return talk.done }

"""Drives one Python client through what it can say to a broker, for the recorder: clients.py NAME HOST:PORT."""
import asyncio
import sys
import time

name, bootstrap = sys.argv[1:3]
topic = group = "golden-" + name
rows = [(b"key-%d" % n, b"GET /products/%d 200" % n) for n in (1, 2, 3)]


def kafka_python():
    from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
    from kafka.admin import ConfigResource, ConfigResourceType, NewTopic

    admin = KafkaAdminClient(bootstrap_servers=bootstrap, client_id="golden")
    admin.create_topics([NewTopic(name=topic, num_partitions=2, replication_factor=1)])
    attempt(lambda: admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)]))
    attempt(admin.describe_cluster)
    for codec in (None, "gzip", "snappy", "lz4", "zstd"):
        producer = KafkaProducer(bootstrap_servers=bootstrap, compression_type=codec, client_id="golden")
        for key, value in rows:
            producer.send(topic, value, key=key, partition=0, headers=[("pos", b"0")])
        producer.flush()
        producer.close()
    for stop in (12, 3):
        consumer = KafkaConsumer(
            topic, bootstrap_servers=bootstrap, group_id=group, client_id="golden", auto_offset_reset="earliest",
            enable_auto_commit=False, heartbeat_interval_ms=500, session_timeout_ms=6000, max_poll_records=3,
        )
        seen = 0
        while seen < stop:
            seen += sum(len(found) for found in consumer.poll(timeout_ms=500).values())
            consumer.commit()
        deadline = time.time() + 1.5
        while time.time() < deadline:
            consumer.poll(timeout_ms=100)
        consumer.end_offsets([TopicPartition(topic, 0)])
        consumer.offsets_for_times({TopicPartition(topic, 0): int(time.time() * 1000) - 60000})
        for call in ("describe_consumer_groups", "describe_groups"):
            if hasattr(admin, call):
                attempt(lambda: getattr(admin, call)([group]))
        consumer.close()
    for call in ("list_consumer_groups", "list_groups"):
        if hasattr(admin, call):
            attempt(getattr(admin, call))
    for call in ("list_consumer_group_offsets", "list_group_offsets"):
        if hasattr(admin, call):
            attempt(lambda: getattr(admin, call)(group))
    admin.delete_topics([topic])
    admin.close()


async def aiokafka():
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
    from aiokafka.admin import AIOKafkaAdminClient, NewTopic
    from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, client_id="golden")
    await admin.start()
    await admin.create_topics([NewTopic(name=topic, num_partitions=2, replication_factor=1)])
    await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    for codec in (None, "gzip", "snappy", "lz4", "zstd"):
        producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap, client_id="golden", compression_type=codec, enable_idempotence=codec == "zstd"
        )
        await producer.start()
        for key, value in rows:
            await producer.send(topic, value, key=key, partition=0, headers=[("pos", b"0")])
        await producer.stop()
    for stop in (12, 3):
        consumer = AIOKafkaConsumer(
            topic, bootstrap_servers=bootstrap, group_id=group, client_id="golden", auto_offset_reset="earliest",
            enable_auto_commit=False, heartbeat_interval_ms=500, session_timeout_ms=6000,
        )
        await consumer.start()
        for _ in range(stop):
            await consumer.getone()
            await consumer.commit()
        await asyncio.sleep(1.5)
        await consumer.end_offsets([TopicPartition(topic, 0)])
        await consumer.offsets_for_times({TopicPartition(topic, 0): int(time.time() * 1000) - 60000})
        await admin.describe_consumer_groups([group])
        await consumer.stop()
    await admin.list_consumer_groups()
    await admin.list_consumer_group_offsets(group)
    await admin.delete_topics([topic])
    await admin.close()


def confluent_kafka():
    from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Producer, TopicPartition
    from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, OffsetSpec

    base = {"bootstrap.servers": bootstrap, "client.id": "golden"}
    admin = AdminClient(base)
    wait(admin.create_topics([NewTopic(topic, 2, 1)]))
    wait(admin.describe_configs([ConfigResource("topic", topic)]))
    admin.describe_cluster().result(10)
    admin.list_topics(timeout=10)
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        producer = Producer({**base, "compression.codec": codec, "enable.idempotence": codec == "zstd", "linger.ms": 50})
        for key, value in rows * 3:
            producer.produce(topic, value, key, partition=0, headers=[("pos", b"0")])
        producer.flush(10)
    for stop in (40, 5):
        consumer = Consumer({
            **base, "group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False,
            "heartbeat.interval.ms": 500, "session.timeout.ms": 6000, "check.crcs": True,
        })
        consumer.subscribe([topic])
        seen = 0
        while seen < stop:
            message = consumer.poll(1)
            if message is not None and message.error() is None:
                seen += 1
                consumer.commit(message, asynchronous=False)
        time.sleep(1.5)
        consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=5)
        consumer.offsets_for_times([TopicPartition(topic, 0, int(time.time() * 1000) - 60000)], timeout=5)
        wait(admin.describe_consumer_groups([group]))
        consumer.close()
    admin.list_consumer_groups().result(10)
    wait(admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)]))
    wait(admin.list_offsets({TopicPartition(topic, 0): OffsetSpec.latest()}))
    wait(admin.delete_topics([topic]))


def wait(futures):
    for future in futures.values():
        future.result(10)


def attempt(call):
    """Method names differ between releases of a client; what it cannot say is not recorded."""
    try:
        call()
    except Exception as error:
        print(f"{name}: {error!r}", file=sys.stderr)


if name == "aiokafka":
    asyncio.run(aiokafka())
else:
    {"kafka-python": kafka_python, "confluent-kafka": confluent_kafka}[name]()

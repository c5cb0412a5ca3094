"""Produces with and consumes by three Python clients: python3 other-clients.py HOST:PORT. Each value is read once, by a
group that commits; every codec a client has. Prints a line for each. Run by other-clients.sh."""
import asyncio
import sys
import time

import aiokafka
import confluent_kafka
import confluent_kafka.admin
import kafka
import kafka.admin

BOOTSTRAP = sys.argv[1]
COUNT = 200
RUN = str(int(time.time()))


def judge(client: str, codec: str, values: list[bytes]) -> None:
    expected = {f"{codec}-{index}".encode() for index in range(COUNT)}
    good = set(values) == expected and len(values) == COUNT
    print(f"{'ok  ' if good else 'FAIL'} {client}, {codec}: {len(values)} of {COUNT} read")
    if not good:
        sys.exitcode = 1


def kafka_python(codec: str) -> None:
    topic = f"kafka-python-{codec}-{RUN}"
    compression = None if codec == "none" else codec
    producer = kafka.KafkaProducer(
        bootstrap_servers=BOOTSTRAP, acks="all", enable_idempotence=True, compression_type=compression
    )
    sent = [producer.send(topic, f"{codec}-{index}".encode()) for index in range(COUNT)]
    for one in sent:
        one.get(timeout=30)
    producer.close()
    consumer = kafka.KafkaConsumer(
        topic,
        bootstrap_servers=BOOTSTRAP,
        group_id=topic,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        consumer_timeout_ms=20_000,
    )
    values = []
    for record in consumer:
        values.append(record.value)
        if len(values) == COUNT:
            break
    consumer.commit()
    consumer.close()
    judge("kafka-python", codec, values)


def librdkafka(codec: str) -> None:
    topic = f"librdkafka-{codec}-{RUN}"
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": BOOTSTRAP})
    for created in admin.create_topics([confluent_kafka.admin.NewTopic(topic, 3, 1)]).values():
        created.result(30)
    producer = confluent_kafka.Producer(
        {"bootstrap.servers": BOOTSTRAP, "enable.idempotence": True, "compression.type": codec}
    )
    for index in range(COUNT):
        producer.produce(topic, f"{codec}-{index}".encode())
    producer.flush(30)
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": BOOTSTRAP,
            "group.id": topic,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([topic])
    values = []
    deadline = time.monotonic() + 30
    while len(values) < COUNT and time.monotonic() < deadline:
        record = consumer.poll(1)
        if record is not None and record.error() is None:
            values.append(record.value())
    consumer.commit(asynchronous=False)
    consumer.close()
    judge("librdkafka (confluent-kafka)", codec, values)


async def aio(codec: str) -> None:
    topic = f"aiokafka-{codec}-{RUN}"
    compression = None if codec == "none" else codec
    producer = aiokafka.AIOKafkaProducer(
        bootstrap_servers=BOOTSTRAP, acks="all", enable_idempotence=True, compression_type=compression
    )
    await producer.start()
    for index in range(COUNT):
        await producer.send(topic, f"{codec}-{index}".encode())
    await producer.stop()
    consumer = aiokafka.AIOKafkaConsumer(
        topic,
        bootstrap_servers=BOOTSTRAP,
        group_id=topic,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    values = []
    deadline = time.monotonic() + 30
    while len(values) < COUNT and time.monotonic() < deadline:
        for records in (await consumer.getmany(timeout_ms=1_000)).values():
            values += [record.value for record in records]
    await consumer.commit()
    await consumer.stop()
    judge("aiokafka", codec, values)


sys.exitcode = 0
for codec in ("none", "gzip"):
    kafka_python(codec)
    asyncio.run(aio(codec))
for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
    librdkafka(codec)
sys.exit(sys.exitcode)

import DataPipeline
import Testing

@Suite struct ShardSamplerTests {
    @Test(
        "Each sample comes exactly once an epoch, whatever the batch and the shards",
        arguments: [1, 2, 7, 32, 100, 569], [1, 3, 32, 64, 1000])
    func coversEachSampleOnce(sampleCount: Int, batchSize: Int) throws {
        for shardCount in [1, 2, 3, 8, 40] {
            for shuffles in [true, false] {
                let sampler = try ShardSampler(
                    sampleCount: sampleCount, globalBatchSize: batchSize, shardCount: shardCount, seed: 5,
                    shuffles: shuffles)
                for epoch in 0..<2 {
                    try expectCoverage(sampler, epoch: epoch)
                }
            }
        }
    }

    private func expectCoverage(_ sampler: ShardSampler, epoch: Int) throws {
        var timesSeen = [Int](repeating: 0, count: sampler.sampleCount)
        let firstStep = epoch * sampler.stepsPerEpoch
        for step in firstStep..<(firstStep + sampler.stepsPerEpoch) {
            #expect(sampler.epoch(ofStep: step) == epoch)
            var position = 0
            for shard in 0..<sampler.shardCount {
                let range = sampler.range(step: step, shard: shard)
                #expect(range.lowerBound == position)
                #expect(range.count <= sampler.maximumShardSize)
                position = range.upperBound
                for place in range {
                    let index = sampler.sampleIndex(
                        epoch: epoch, position: sampler.firstPosition(step: step) + place)
                    timesSeen[index] += 1
                }
            }
            #expect(position == sampler.batchSize(step: step))
        }
        #expect(timesSeen.allSatisfy { $0 == 1 })
    }

    @Test func keepsTheLastPartialBatch() throws {
        let sampler = try ShardSampler(sampleCount: 70, globalBatchSize: 32, shardCount: 4, seed: 1)
        #expect(sampler.stepsPerEpoch == 3)
        #expect((0..<6).map { sampler.batchSize(step: $0) } == [32, 32, 6, 32, 32, 6])
        #expect((0..<4).map { sampler.range(step: 2, shard: $0) } == [0..<1, 1..<3, 3..<4, 4..<6])
    }

    @Test func refusesWhatCannotBe() {
        func make(_ samples: Int, _ batch: Int, _ shards: Int) throws {
            _ = try ShardSampler(sampleCount: samples, globalBatchSize: batch, shardCount: shards, seed: 0)
        }
        #expect(failure { try make(0, 1, 1) }?.code == .badData)
        #expect(failure { try make(1, 0, 1) }?.code == .usage)
        #expect(failure { try make(1, 1, 0) }?.code == .usage)
        #expect(failure { try make(1, .max, 1) }?.code == .usage)
    }
}

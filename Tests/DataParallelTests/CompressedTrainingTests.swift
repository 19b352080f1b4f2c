import DataParallel
import NeuralNetworks
import Testing

/// Training with compressed gradients on real rows.
@Suite struct CompressedTrainingTests {
    /// A rule of a user's own: one bit an element and a scale, with error feedback (Seide et al. 2014).
    private struct SignCompression: GradientCompression {
        let name = "sign"
        let keepsResidual = true

        func byteCount(_ piece: GradientPiece) -> Int { 4 + (piece.elementCount + 7) / 8 }

        func pack(
            _ values: UnsafePointer<Float>, of piece: GradientPiece, step: Int,
            into packed: UnsafeMutableRawPointer
        ) {
            let total = (0..<piece.elementCount).reduce(Float(0)) { $0 + abs(values[$1]) }
            packed.storeBytes(of: total / Float(piece.elementCount), as: Float.self)
            for byte in 0..<((piece.elementCount + 7) / 8) {
                let bits = (byte * 8)..<min(byte * 8 + 8, piece.elementCount)
                let mask = bits.reduce(UInt8(0)) { $0 | (values[$1] < 0 ? 1 << UInt8($1 % 8) : 0) }
                packed.storeBytes(of: mask, toByteOffset: 4 + byte, as: UInt8.self)
            }
        }

        func unpack(
            _ packed: UnsafeRawPointer, of piece: GradientPiece, into values: UnsafeMutablePointer<Float>
        ) {
            let scale = packed.load(as: Float.self)
            for index in 0..<piece.elementCount {
                let byte = packed.load(fromByteOffset: 4 + index / 8, as: UInt8.self)
                values[index] = byte >> UInt8(index % 8) & 1 == 1 ? -scale : scale
            }
        }
    }

    /// Another: of every two neighbours one travels, now the first and now the second.
    private struct EveryOther: GradientCompression {
        let name = "everyOther"
        let keepsResidual = true

        func byteCount(_ piece: GradientPiece) -> Int { 4 + piece.elementCount / 2 * 4 }

        func pack(
            _ values: UnsafePointer<Float>, of piece: GradientPiece, step: Int,
            into packed: UnsafeMutableRawPointer
        ) {
            packed.storeBytes(of: UInt32(step % 2), as: UInt32.self)
            let sent = (packed + 4).assumingMemoryBound(to: Float.self)
            for index in 0..<(piece.elementCount / 2) { sent[index] = values[2 * index + step % 2] }
        }

        func unpack(
            _ packed: UnsafeRawPointer, of piece: GradientPiece, into values: UnsafeMutablePointer<Float>
        ) {
            let first = Int(packed.load(as: UInt32.self))
            let sent = (packed + 4).assumingMemoryBound(to: Float.self)
            for index in 0..<(piece.elementCount / 2) {
                values[2 * index + first] = sent[index]
                values[2 * index + 1 - first] = 0
            }
        }
    }

    static let rules: [any GradientCompression] =
        GradientCompressionTests.rules + [TopKCompression(fraction: 0.01), EveryOther()]

    private func job(_ rule: (any GradientCompression)?) throws -> TrainingJob {
        var job = try TrainingJob.breastCancer()
        job.update = UpdateOptions(SGD(rate: 0.1, momentum: 0.9))
        job.compression = rule
        job.lanes = 2
        (job.bucketByteCount, job.edgeBucketByteCount) = (8192, 4096)
        return job
    }

    /// Two epochs on two nodes. Without compression the loss falls below 0.1; with it, nearly as far; all nodes have the
    /// same parameters, and a second run the same bits.
    @Test(arguments: rules) func lossFallsAlmostAsWithout(rule: any GradientCompression) throws {
        func train(_ rule: (any GradientCompression)?) throws -> (bits: [[UInt32]], loss: Double, sent: Int) {
            let (job, cluster) = (try job(rule), PretendedCluster(nodeCount: 2))
            let results = try cluster.onEveryRank { try job.run(steps: 72, on: $0) }
            let losses = results[0].verdicts.suffix(18).map(\.loss)
            let bits = results.map { TrainedState(parameters: $0.state.parameters).bits }
            return (bits, losses.reduce(0, +) / Double(losses.count), cluster.sent[0])
        }
        let (exact, packed, again) = (try train(nil), try train(rule), try train(rule))
        #expect(
            exact.loss < 0.1 && packed.loss < exact.loss + 0.04, "\(rule.name) \(packed.loss), \(exact.loss)")
        #expect(packed.bits[0] == packed.bits[1] && packed.bits == again.bits)
        #expect(packed.bits[0] != exact.bits[0], "compression has an effect")
        #expect(
            Double(packed.sent) < 0.65 * Double(exact.sent), "\(rule.name) \(packed.sent) of \(exact.sent)")
    }

    /// What compression has kept back is in the snapshot: going on gives the bits of the run that never stopped.
    @Test(arguments: rules + [SignCompression()], [2, 3]) func goingOnGivesTheSameBits(
        rule: any GradientCompression, nodes: Int
    ) throws {
        var job = try job(rule)
        job.logicalShards = 6
        let made = job
        func train(_ steps: Range<Int>, from state: TrainedState?) throws -> TrainedState {
            try PretendedCluster(nodeCount: nodes).onEveryRank { communicator in
                let isResumed = state != nil
                let (shared, replica) = try made.start(
                    isResumed: isResumed, from: communicator.rank == 0 ? state : nil, step: steps.lowerBound,
                    on: communicator)
                defer { replica.stop() }
                try replica.run(until: steps.upperBound)
                try replica.announce(.checkpoint)
                return shared.snapshot().exported()
            }[0]
        }
        let whole = try train(0..<9, from: nil)
        let half = try train(0..<4, from: nil)
        #expect(try train(4..<9, from: half).bits == whole.bits)
        #expect(half.optimizer.keys.contains("layers.0.weight.residual.1") == rule.keepsResidual)
        guard rule.keepsResidual else { return }
        // Without the residual the bits are others: it matters.
        var forgetful = half
        for key in half.optimizer.keys where key.contains(".residual.") {
            forgetful.optimizer[key]?.values = half.optimizer[key]!.values.map { _ in 0 }
        }
        #expect(try train(4..<9, from: forgetful).bits != whole.bits)
    }

    /// Another number of nodes gets the sum of all that was kept back.
    @Test func anotherNumberOfNodesLosesNothing() throws {
        let job = try job(TopKCompression(fraction: 0.05))
        func train(nodes: Int, until end: Int, from state: TrainedState?, step: Int) throws -> TrainedState {
            try PretendedCluster(nodeCount: nodes).onEveryRank { communicator in
                var job = job
                job.lanes = 1
                let (shared, replica) = try job.start(
                    isResumed: state != nil, from: communicator.rank == 0 ? state : nil, step: step,
                    on: communicator)
                defer { replica.stop() }
                try replica.run(until: end)
                try replica.announce(.checkpoint)
                return shared.snapshot().exported()
            }[0]
        }
        let three = try train(nodes: 3, until: 4, from: nil, step: 0)
        let two = try train(nodes: 2, until: 4, from: three, step: 4)
        for name in three.parameters.keys {
            let parts = (0..<3).map { three.optimizer["\(name).residual.\($0)"]!.values }
            let sum = parts[0].indices.map { parts[0][$0] + parts[1][$0] + parts[2][$0] }
            #expect(two.optimizer["\(name).residual.0"]?.values == sum)
            #expect(two.optimizer["\(name).residual.1"]?.values.allSatisfy { $0 == 0 } == true)
        }
    }
}

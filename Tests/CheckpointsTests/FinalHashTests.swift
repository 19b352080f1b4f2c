import Checkpoints
import Foundation
import Testing

@Suite struct FinalHashTests {
    private func hash(_ contents: CheckpointContents) throws -> String {
        let folder = try TemporaryFolder()
        let path = try CheckpointWriter(folder: folder.path).save(contents).path
        let loaded = try FinalHash.of(CheckpointReader.load(path))
        let inMemory = try FinalHash.of(
            parameters: contents.parameters, optimizer: contents.optimizer, state: contents.state)
        #expect(loaded == inMemory)
        return loaded
    }

    @Test func hasAKnownValue() throws {
        // Computed by hand with Python's hashlib and struct, following FinalHash's description.
        let expected = "4f80c7548cf100d147342d733ae18ffc7a4dbf895c3eb481b5b3deb2ed7e0c55"
        #expect(try hash(contents(step: 40)) == expected)
    }

    @Test func ignoresClocksOrderAndEvaluation() throws {
        let plain = try hash(contents(step: 40))
        var other = contents(step: 40, bestStep: 20, wallSeconds: 99)
        other.parameters.reverse()
        other.recipeText = "something else"
        other.libraryVersions = [:]
        #expect(try hash(other) == plain)
    }

    @Test func changesWithEveryPartOfTheState() throws {
        let base = contents(step: 40)
        var changed: [CheckpointContents] = [contents(step: 41)]
        for change: WritableKeyPath<TrainingState, Int> in [\.step, \.epoch, \.samplesSeen] {
            var other = base
            other.state[keyPath: change] += 1
            changed.append(other)
        }
        var seed = base
        seed.state.seed -= 1
        changed.append(seed)
        var bit = base
        bit.optimizer = [NamedTensor("dense.weight.first_moment", shape: [1], values: [-0.0])]
        changed.append(bit)
        bit.optimizer = [NamedTensor("dense.weight.first_moment", shape: [1], values: [0.0])]
        changed.append(bit)
        bit.optimizer = [NamedTensor("dense.weight.first_moment", shape: [1, 1], values: [0.0])]
        changed.append(bit)
        bit.optimizer = []
        changed.append(bit)
        let hashes = try [hash(base)] + changed.map(hash)
        #expect(Set(hashes).count == hashes.count)
    }
}

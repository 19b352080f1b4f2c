import Graphs
import Testing

/// The references by hand: they are the truth of other tests, so they are checked with numbers worked out on paper.
@Suite struct ReferenceTests {
    private func value(_ inputs: [ReferenceArray], _ body: ([Tensor]) throws -> Tensor) rethrows -> [Double] {
        let graph = Graph()
        let tensors = inputs.indices.map { graph.input("i\($0)", TensorType(inputs[$0].shape)) }
        let named = Dictionary(uniqueKeysWithValues: inputs.enumerated().map { ("i\($0)", $1) })
        return graph.evaluate([try body(tensors)], inputs: named, parameters: [])[0].values
    }

    @Test func products() throws {
        let a = ReferenceArray([2, 3], [1, 2, 3, 4, 5, 6])
        let b = ReferenceArray([3, 2], [7, 8, 9, 10, 11, 12])
        #expect(try value([a, b]) { try $0[0].matmul($0[1]) } == [58, 64, 139, 154])
        let transposed = ReferenceArray([3, 2], [1, 4, 2, 5, 3, 6])
        #expect(
            try value([transposed, b]) { try $0[0].matmul($0[1], transposesLeft: true) } == [
                58, 64, 139, 154,
            ])
        let right = ReferenceArray([2, 3], [7, 9, 11, 8, 10, 12])
        #expect(
            try value([a, right]) { try $0[0].matmul($0[1], transposesRight: true) } == [58, 64, 139, 154])
    }

    @Test func sums() throws {
        let x = ReferenceArray([2, 3], [1, 2, 3, 4, 5, 6])
        #expect(try value([x]) { try $0[0].sum() } == [21])
        #expect(try value([x]) { try $0[0].sum(axis: 0) } == [5, 7, 9])
        #expect(try value([x]) { try $0[0].mean(axis: 1) } == [2, 5])
        #expect(
            try value([x, ReferenceArray([3], [1, 0, -1])]) { try $0[0].addingBias($0[1]) } == [
                2, 2, 2, 5, 5, 5,
            ])
    }

    @Test func aDroppedElementIsZeroAndTheRestIsScaled() throws {
        let x = ReferenceArray([1, 1000], repeating: 1)
        let dropped = try value([x]) { try $0[0].droppingOut(rate: 0.75) }
        #expect(Set(dropped) == [0, 4])
        #expect(abs(dropped.count { $0 == 4 } - 250) < 60)
    }
}

import Diagnostics
import Scenarios
import Testing

/// The data.json of checkpoints, as earlier versions wrote it.
@Suite("FittedData")
struct FittedDataTests {
    static let table = """
        {"table":{"_0":{"columns":[{"encoding":{"number":{"center":1.5,"scale":2}},"identity":{"index":0,\
        "name":"a"}}],"label":{"classNames":["no","yes"],"column":{"index":1,"name":"b"},"kind":{"classes":\
        {"areNumbers":false,"values":["no","yes"]}}},"missing":{"policy":"drop","tokens":["","NA","?"]},\
        "trainedColumnCount":2}}}
        """

    static let text = """
        {"text":{"_0":{"columns":[{"index":1}],"label":{"classNames":["1","2"],"column":{"index":0},"kind":\
        {"classes":{"areNumbers":true,"values":["1","2"]}}},"tokenizer":{"options":{"lowercases":true,\
        "minimumCount":2,"paddingSide":"right","sequenceLength":8,"truncationSide":"tail","vocabularySize":50},\
        "words":["the","a"]},"trainedColumnCount":2}}}
        """

    @Test func tablesOfEarlierCheckpointsAreRead() throws {
        let fitted = try FittedData(decoding: Array(Self.table.utf8))
        #expect(fitted.inputs.map(\.name) == ["features"] && fitted.inputs[0].sampleShape == [1])
        #expect(fitted.classNames == ["no", "yes"])
        #expect(fitted.labelField.element == .int32 && fitted.labelField.sampleShape == [])
    }

    @Test func textsOfEarlierCheckpointsAreRead() throws {
        let fitted = try FittedData(decoding: Array(Self.text.utf8))
        #expect(fitted.inputs.map(\.name) == ["tokens"] && fitted.inputs[0].sampleShape == [8])
        #expect(
            fitted.format.tokens
                == TokenInput(
                    identifierCount: 4, paddingID: 0, length: 8,
                    masking: TokenInput.Masking(mask: 1, firstOrdinary: 2)),
            "padding, out of vocabulary and two words")
        #expect(fitted.format.classCount == 2)
    }

    @Test func anythingElseIsBadData() {
        #expect { try FittedData(decoding: Array("{}".utf8)) } throws: {
            ($0 as? LockstepError)?.code == .badData
        }
    }
}

import DataPipeline
import Diagnostics
import Foundation
import Testing

@Suite struct CSVFileTests {
    private let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private func rows(_ text: String, hasHeader: Bool = false, delimiter: UInt8 = 44) throws -> [[String]] {
        let dialect = CSVDialect(delimiter: delimiter, hasHeader: hasHeader)
        let source = try CSVSource(path: scratch.write(text), dialect: dialect)
        return try (0..<source.rowCount).map { try source.strings(ofRow: $0) }
    }

    @Test(
        "RFC 4180 and the lenient cases",
        arguments: [
            ("a,b\nc,d\n", [["a", "b"], ["c", "d"]]),
            ("a,b\nc,d", [["a", "b"], ["c", "d"]]),
            ("a,b\r\nc,d\r\n", [["a", "b"], ["c", "d"]]),
            ("a,b\rc,d\r", [["a", "b"], ["c", "d"]]),
            ("a,b\r\nc,d\ne,f\rg,h", [["a", "b"], ["c", "d"], ["e", "f"], ["g", "h"]]),
            ("\"a\",\"b,c\"\n", [["a", "b,c"]]),
            ("\"a\"\"b\",\"\"\"\"\n", [["a\"b", "\""]]),
            ("\"\"\"\"\"\",x\n", [["\"\"", "x"]]),
            ("\"a\nb\",\"c\r\nd\"\n1,2\n", [["a\nb", "c\r\nd"], ["1", "2"]]),
            ("a,\n,b\n,\n", [["a", ""], ["", "b"], ["", ""]]),
            ("\"\"\nx\n", [[""], ["x"]]),
            ("a,\"\"", [["a", ""]]),
            ("a,", [["a", ""]]),
            ("\n\r\na,b\n\n\nc,d\n\n", [["a", "b"], ["c", "d"]]),
            ("5\" pipe,a \"b\" c\n", [["5\" pipe", "a \"b\" c"]]),
            (" a , b\n", [[" a ", " b"]]),
            ("\u{FEFF}é,日本\n😀,ß\n", [["é", "日本"], ["😀", "ß"]]),
        ] as [(String, [[String]])])
    func parses(text: String, expected: [[String]]) throws {
        #expect(try rows(text) == expected)
    }

    @Test func readsHeaderAndOtherDelimiters() throws {
        let path = try scratch.write("\"first name\"; second \n1;2,5\n")
        let dialect = CSVDialect(delimiter: try CSVDialect.delimiter(named: ";"))
        let source = try CSVSource(path: path, dialect: dialect)
        #expect(source.header == ["first name", "second"])
        #expect(try source.strings(ofRow: 0) == ["1", "2,5"])
        #expect(try CSVDialect.delimiter(named: "tab") == 9)
        for bad in ["", "\"", "\n", "ab", "é"] {
            #expect(failure { _ = try CSVDialect.delimiter(named: bad) }?.code == .usage)
        }
    }

    @Test(
        "Hostile files end with 65 at the right place",
        arguments: [
            ("a,b\n1,2\n3\n", "3", "1 field but line 1 has 2"),
            ("a,b\n\"x\ny\",2\n3,4,5\n", "4", "3 fields"),
            ("a,b\r\n1,2\r\n3\r\n", "3", "1 field"),
            ("a,b\n1,\"2\n3,4\n", "2:3", "never closed"),
            ("a,b\n1,\"2\"x\n", "2:6", "after the closing quote"),
            ("a,b\né,\"x\"y\n", "2:6", "after the closing quote"),
            ("a,b\n1,2\0\n", "2:4", "NUL"),
            ("a\0,b\n1,2\n", "1:2", "NUL"),
            ("a,b\n\"p\nq\0\",2\n", "3:2", "NUL"),
            ("a,b\n", "", "header but no rows"),
            ("a,b", "", "header but no rows"),
            ("\n\n\r\n", "", "no rows"),
            ("", "", "empty"),
            ("a,a\n1,2\n", "1:3", "twice"),
        ] as [(String, String, String)])
    func refuses(text: String, place: String, message: String) throws {
        let path = try scratch.write(text)
        let error = failure { _ = try CSVSource(path: path) }
        #expect(error?.code == .badData)
        #expect(error?.location?.description == (place.isEmpty ? path : "\(path):\(place)"))
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    }

    @Test(
        "Bytes that are not UTF-8",
        arguments: [
            [0xFF], [0xC0, 0x80], [0xC3], [0xC3, 0x41], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xE2, 0x82],
            [0xF4, 0x90, 0x80, 0x80], [0xF0, 0x80, 0x80, 0x80], [0x80], [0xF5, 0x80, 0x80, 0x80],
        ] as [[UInt8]])
    func refusesIllFormed(bytes: [UInt8]) throws {
        let path = try scratch.write(Array("a,b\n1,é".utf8) + bytes + Array("\n3,4\n".utf8))
        let error = failure { _ = try CSVSource(path: path) }
        #expect(error?.code == .badData)
        #expect(error?.location?.description == "\(path):2:4")
        #expect(error?.message.contains("UTF-8") == true)
    }

    @Test func boundsFieldsAndRows() throws {
        let long = try scratch.write("a,b\n1,2\n\(String(repeating: "x", count: 1000)),2\n")
        var dialect = CSVDialect(maximumFieldByteCount: 999)
        let error = failure { _ = try CSVSource(path: long, dialect: dialect) }
        #expect(error?.location?.line == 3)
        #expect(error?.message.contains("longer than 999 bytes") == true)
        dialect.maximumFieldByteCount = 1000
        #expect(try CSVSource(path: long, dialect: dialect).rowCount == 2)

        dialect.maximumFieldByteCount = 8
        let quoted = try scratch.write("a,b\n1,\"\(String(repeating: "x", count: 50))")
        let unclosed = failure { _ = try CSVSource(path: quoted, dialect: dialect) }
        #expect(unclosed?.location?.description == "\(quoted):2:3")
        let full = try scratch.write("a,b\n1,\"12345678\"")
        #expect(try CSVSource(path: full, dialect: dialect).strings(ofRow: 0) == ["1", "12345678"])

        let wide = try scratch.write(String(repeating: ",", count: 70_000) + "\n1\n")
        #expect(failure { _ = try CSVSource(path: wide) }?.message.contains("65536 fields") == true)
    }

    /// A sparse file of 2 GB with no line break: refused after 16 MiB.
    @Test func refusesEndlessLine() throws {
        let path = try scratch.write("a,b\n1,")
        let handle = try #require(FileHandle(forWritingAtPath: path))
        try handle.truncate(atOffset: 2 << 30)
        let error = failure {
            _ = try CSVSource(path: path, dialect: CSVDialect(maximumFieldByteCount: 1 << 20))
        }
        #expect(error?.code == .badData)
        #expect(error?.location?.description == "\(path):2:3")
    }

    @Test func namesMissingAndOddFiles() throws {
        let absent = scratch.folder.appendingPathComponent("absent.csv").path
        let missing = failure { _ = try CSVSource(path: absent) }
        #expect(missing?.code == .badData)
        #expect(missing?.location?.file == absent)
        #expect(failure { _ = try CSVSource(path: scratch.folder.path) }?.message.contains("regular") == true)
        #expect(failure { _ = try CSVSource(paths: []) }?.code == .usage)
    }

    @Test func joinsFilesOfEqualColumns() throws {
        let first = try scratch.write("a,b\n1,2\n3,4\n", as: "first.csv")
        let second = try scratch.write("a,b\n5,6\n", as: "second.csv")
        let other = try scratch.write("a,c\n5,6\n", as: "other.csv")
        let source = try CSVSource(paths: [first, second])
        #expect(source.rowCount == 3)
        #expect(source.rows(ofFile: 1) == 2..<3)
        #expect(try source.strings(ofRow: 2) == ["5", "6"])
        #expect(source.location(ofRow: 2).description == "\(second):2")
        #expect(failure { _ = try CSVSource(paths: [first, other]) }?.location?.file == other)
    }

    @Test func fingerprintTellsContents() throws {
        let text = "a,b\n1,2\n3,4\n"
        let source = try scratch.source(text)
        #expect(source.byteCount == 12)
        #expect(source.fingerprint == (try scratch.source(text)).fingerprint)
        var seen: Set<UInt64> = [source.fingerprint]
        for other in ["a,b\n1,2\n3,5\n", "a,b\n2,1\n3,4\n", "a,b\n1,2\n3,4", "a,b\n1,2\n3,4\n\n"] {
            #expect(seen.insert(try scratch.source(other).fingerprint).inserted)
        }
    }

    @Test func findsColumns() throws {
        let source = try scratch.source("radius,texture\n1,2\n")
        #expect(try source.columnIndex(of: "texture") == 1)
        #expect(try source.columnIndex(of: 1) == 1)
        let slip = failure { _ = try source.columnIndex(of: "textur") }
        #expect(slip?.code == .badData)
        #expect(slip?.remedy == "did you mean 'texture'?")
        #expect(failure { _ = try source.columnIndex(of: 2) }?.code == .badData)
        #expect(failure { _ = try source.columnIndex(of: -1) }?.code == .badData)
        let bare = try scratch.source("1,2\n", hasHeader: false)
        #expect(failure { _ = try bare.columnIndex(of: "texture") }?.message.contains("no header") == true)
    }

    @Test func decodesNumbers() throws {
        let source = try scratch.source(
            "1,-2.5, 3e2 ,+4,1e400,0x10,nan,inf,\"5\",,1 2,.5\n", hasHeader: false)
        var numbers: [Double?] = []
        try source.forEachField(ofRow: 0) { numbers.append($0.number) }
        #expect(numbers == [1, -2.5, 300, 4, nil, nil, nil, nil, 5, nil, nil, 0.5])
    }

    /// Short numbers are read by a way of their own: to the same bits as the long way.
    @Test func numbersHaveTheBitsOfTheLibrary() throws {
        var random = FixedRandom(state: 5)
        var texts = [
            "0.1", "-0", "+7", "123456789012345.6", "9007199254740991", "9007199254740993", "0.30", "1",
        ]
        for _ in 0..<2000 {
            let decimals = Int.random(in: 0...9, using: &random)
            texts.append(String(format: "%.\(decimals)f", Double.random(in: -1e6...1e6, using: &random)))
        }
        let source = try scratch.source(texts.joined(separator: "\n") + "\n", hasHeader: false)
        for (row, text) in texts.enumerated() {
            try source.forEachField(ofRow: row) {
                #expect($0.number?.bitPattern == Double(text)?.bitPattern, "\(text)")
            }
        }
    }

    @Test("Random tables come back as they were written", arguments: 0..<40)
    func roundTrips(seed: Int) throws {
        var random = FixedRandom(state: UInt64(seed))
        let pieces = ["a", "\"", ",", "\n", "\r", "\r\n", " ", "é", "😀", "", "12", ";", "\"\""]
        let width = Int.random(in: 1...6, using: &random)
        let lineEnd = ["\n", "\r\n", "\r"][seed % 3]
        let table = (0..<Int.random(in: 1...30, using: &random)).map { _ in
            (0..<width).map { _ in
                (0..<Int.random(in: 0...5, using: &random)).map { _ in
                    pieces.randomElement(using: &random) ?? ""
                }.joined()
            }
        }
        var text = ""
        for row in table {
            let fields = row.map { field -> String in
                let needsQuotes = field.unicodeScalars.contains { "\",\n\r".unicodeScalars.contains($0) }
                let isAlone = field.isEmpty && width == 1
                guard needsQuotes || isAlone || Bool.random(using: &random) else { return field }
                return "\"" + field.replacingOccurrences(of: "\"", with: "\"\"") + "\""
            }
            text += fields.joined(separator: ",") + lineEnd
        }
        #expect(try rows(text) == table)
    }

    /// Any damage to a file is read or refused with 65, never a trap.
    @Test("Damaged bytes never trap", arguments: 0..<50)
    func survives(seed: Int) throws {
        var random = FixedRandom(state: UInt64(seed) &+ 1_000)
        var bytes = Array("name,\"x\"\r\n\"a\"\"b\",1\n\"c\nd\",é\n".utf8)
        for _ in 0...Int.random(in: 0..<4, using: &random) {
            let place = Int.random(in: 0..<bytes.count, using: &random)
            bytes[place] = [0, 10, 13, 34, 44, 0xC3, 0xFF, 65].randomElement(using: &random) ?? 0
        }
        let path = try scratch.write(Array(bytes.prefix(Int.random(in: 1...bytes.count, using: &random))))
        do {
            let source = try CSVSource(path: path)
            for row in 0..<source.rowCount {
                #expect(try source.strings(ofRow: row).count == source.columnCount)
            }
        } catch let error as LockstepError {
            #expect(error.code == .badData)
        }
    }
}

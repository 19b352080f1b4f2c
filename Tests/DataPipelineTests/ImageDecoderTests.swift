import DataPipeline
import Diagnostics
import Foundation
import Testing

@Suite struct ImageDecoderTests {
    let recorded: RecordedImages
    let decoder = ImageDecoder()

    init() throws { recorded = try RecordedImages() }

    @Test func decodesEveryKindAsPillowDoes() throws {
        #expect(recorded.decoded.count == 13)
        for picture in recorded.decoded {
            let image = try decoder.decode(Array(#require(picture.file)))
            #expect(image.width == picture.width && image.height == picture.height)
            // Other versions of libjpeg-turbo round chroma differently; PNG is exact.
            let tolerance = picture.name?.hasPrefix("png") == true ? 0 : 2
            let worst = zip(image.elements, picture.pixels).map { abs(Int($0) - Int($1)) }.max()
            #expect(try #require(worst) <= tolerance, "\(picture.name ?? "")")
        }
    }

    @Test(arguments: ["png rgb", "jpeg rgb", "jpeg progressive"])
    func anyFileCutShortIsAnError(name: String) throws {
        let whole = try recorded.file(name)
        for count in [4, 20, whole.count / 2, whole.count - 30] {
            let error = failure { _ = try decoder.decode(Array(whole.prefix(count)), path: "photo.img") }
            #expect(error?.code == .badData && error?.location?.file == "photo.img")
        }
    }

    /// Whatever bytes change, decoding ends with a picture or an error.
    @Test func damageNeverTraps() throws {
        var random = FixedRandom(state: 3)
        var errorCount = 0
        for name in ["png rgb", "png palette", "jpeg rgb", "jpeg progressive", "jpeg cmyk"] {
            let whole = try recorded.file(name)
            for _ in 0..<200 {
                var bytes = whole
                for _ in 0..<3 {
                    bytes[.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
                }
                do {
                    _ = try decoder.decode(bytes)
                } catch {
                    errorCount += 1
                    #expect((error as? LockstepError)?.code == .badData)
                }
            }
        }
        #expect(errorCount > 300)
    }

    @Test func aDamagedPNGIsNamed() throws {
        var bytes = try recorded.file("png rgb")
        bytes[bytes.count / 2] ^= 0x55
        let error = failure { _ = try decoder.decode(bytes, path: "a/b.png") }
        #expect(error?.message.hasPrefix("this PNG file is damaged: ") == true)
        #expect(error?.location?.file == "a/b.png")
    }

    @Test func sizesAreCheckedBeforeMemoryIsTaken() throws {
        for bytes in [recorded.hugePNG, recorded.hugeJPEG] {
            let error = failure { _ = try decoder.decode(Array(bytes), path: "huge") }
            #expect(
                error?.message == "a picture of 30000 x 30000 pixels is beyond the limit of 178956970")
        }
        let small = ImageDecoder(pixelLimit: 116)
        #expect(failure { _ = try small.decode(recorded.file("jpeg rgb")) }?.code == .badData)
        #expect(try ImageDecoder(pixelLimit: 117).decode(recorded.file("jpeg rgb")).width == 13)
    }

    @Test func otherFilesAreNamed() throws {
        let scratch = try Scratch()
        let empty = try scratch.write([], as: "zero.jpg")
        #expect(failure { _ = try decoder.decode(path: empty) }?.location?.file == empty)
        let text = try scratch.write("GIF89a", as: "gif.jpg")
        let error = failure { _ = try decoder.decode(path: text) }
        #expect(error?.message == "this is neither a JPEG nor a PNG file" && error?.location?.file == text)
        #expect(failure { _ = try decoder.decode(path: scratch.folder.path + "/none.png") }?.code == .badData)
        #expect(failure { _ = try decoder.decode(path: scratch.folder.path) }?.code == .badData)
    }

    /// libjpeg only warns of bytes between two parts; they harm nothing.
    @Test func bytesAfterTheEndAreNoDamage() throws {
        let whole = try recorded.file("jpeg rgb")
        #expect(try decoder.decode(whole + [1, 2, 3]) == decoder.decode(whole))
    }
}

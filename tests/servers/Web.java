import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.FileInputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.concurrent.Executors;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

/** An HTTP server that answers with what it was sent, and one for TLS. */
public class Web {
    static void answer(HttpExchange exchange) throws IOException {
        try (exchange) {
            byte[] sent = exchange.getRequestBody().readAllBytes();
            if (exchange.getRequestURI().getPath().equals("/file")) {
                Path big = Path.of("/srv/big");
                exchange.sendResponseHeaders(200, Files.size(big));
                Files.copy(big, exchange.getResponseBody());
                return;
            }
            String sum = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(sent));
            String line = exchange.getRequestMethod() + " " + exchange.getRequestURI() + " " + sent.length + " " + sum + "\n";
            exchange.sendResponseHeaders(200, line.length());
            exchange.getResponseBody().write(line.getBytes());
        } catch (java.security.NoSuchAlgorithmException error) {
            throw new IOException(error);
        }
    }

    public static void main(String[] arguments) throws Exception {
        HttpServer plain = HttpServer.create(new InetSocketAddress(80), 64);
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(new FileInputStream("/srv/store.p12"), "chiton".toCharArray());
        KeyManagerFactory keys = KeyManagerFactory.getInstance("SunX509");
        keys.init(store, "chiton".toCharArray());
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), null, null);
        HttpsServer secure = HttpsServer.create(new InetSocketAddress(443), 64);
        secure.setHttpsConfigurator(new HttpsConfigurator(context));
        for (HttpServer server : new HttpServer[] {plain, secure}) {
            server.createContext("/", Web::answer);
            server.setExecutor(Executors.newFixedThreadPool(4));
            server.start();
        }
    }
}

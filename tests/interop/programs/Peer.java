import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.Security;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import javax.net.ssl.ExtendedSSLSession;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SNIServerName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

/** Java's JSSE as a peer: takes requests on standard input as stacks.py puts them, and answers on standard output. */
public class Peer {
    private static final int PATIENCE = 20_000;
    private static final char[] NO_PASSWORD = new char[0];

    private final Map<String, String> options;
    private final SSLContext context;

    private Peer(Map<String, String> options) throws GeneralSecurityException, IOException {
        this.options = options;
        KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
        TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
        keys.init(options.containsKey("cert") ? identity() : empty(), NO_PASSWORD);
        trust.init(options.containsKey("ca") ? anchors() : empty());
        context = SSLContext.getInstance("TLSv1.3");
        context.init(keys.getKeyManagers(), options.containsKey("ca") ? trust.getTrustManagers() : null, null);
    }

    public static void main(String[] arguments) throws IOException {
        // Whoever sets a packet size also asks for it.
        System.setProperty("jsse.enableMFLNExtension", "true");
        // Read when the first connection is made. New keys are asked for after that many bytes, and from there on with
        // each further record until they are there.
        Security.setProperty("jdk.tls.keyLimits", "AES/GCM/NoPadding KeyUpdate 800000");
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = line.split(" ");
            Map<String, String> options = new HashMap<>();
            for (String word : Arrays.asList(words).subList(1, words.length)) {
                String[] pair = word.split("=", 2);
                options.put(pair[0], pair[1]);
            }
            try {
                Peer peer = new Peer(options);
                if (words[0].equals("connect")) {
                    peer.connect();
                } else {
                    peer.listen();
                }
            } catch (GeneralSecurityException | IOException error) {
                failed(error);
            }
        }
    }

    private static void failed(Exception error) {
        System.out.println("failed " + error.toString().replace('\n', ' '));
    }

    private static KeyStore empty() throws GeneralSecurityException, IOException {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        return store;
    }

    private KeyStore identity() throws GeneralSecurityException, IOException {
        KeyStore store = empty();
        Certificate[] chain = certificates(options.get("cert")).toArray(new Certificate[0]);
        String pem = Files.readString(Path.of(options.get("key"))).replaceAll("-----.*-----|\\s", "");
        PKCS8EncodedKeySpec encoded = new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem));
        PrivateKey key = KeyFactory.getInstance(chain[0].getPublicKey().getAlgorithm()).generatePrivate(encoded);
        store.setKeyEntry("own", key, NO_PASSWORD, chain);
        return store;
    }

    private KeyStore anchors() throws GeneralSecurityException, IOException {
        KeyStore store = empty();
        for (Certificate each : certificates(options.get("ca"))) {
            store.setCertificateEntry("anchor", each);
        }
        return store;
    }

    private static List<Certificate> certificates(String file) throws GeneralSecurityException, IOException {
        byte[] pem = Files.readAllBytes(Path.of(file));
        CertificateFactory factory = CertificateFactory.getInstance("X.509");
        return new ArrayList<>(factory.generateCertificates(new ByteArrayInputStream(pem)));
    }

    private int number(String name, int otherwise) {
        return Integer.parseInt(options.getOrDefault(name, Integer.toString(otherwise)));
    }

    private SSLParameters parameters() {
        SSLParameters parameters = context.getDefaultSSLParameters();
        parameters.setProtocols(new String[] {"TLSv1.3"});
        if (options.containsKey("suites")) {
            parameters.setCipherSuites(options.get("suites").split(","));
        }
        if (options.containsKey("alpn")) {
            parameters.setApplicationProtocols(options.get("alpn").split(","));
        }
        if (options.containsKey("fragment")) {
            parameters.setMaximumPacketSize(number("fragment", 0));
        }
        return parameters;
    }

    private void connect() throws IOException, GeneralSecurityException {
        byte[] payload = payload(number("size", 6));
        for (int i = 0; i < number("count", 1); i++) {
            long start = System.currentTimeMillis();
            Socket plain = new Socket(InetAddress.getLoopbackAddress(), number("port", 0));
            String name = options.getOrDefault("name", "localhost");
            try (SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(plain, name, plain.getPort(), true)) {
                socket.setSoTimeout(PATIENCE);
                SSLParameters parameters = parameters();
                parameters.setEndpointIdentificationAlgorithm("HTTPS");
                parameters.setServerNames(List.of(new SNIHostName(name)));
                socket.setSSLParameters(parameters);
                socket.startHandshake();
                for (int round = 0; round < number("rounds", 1); round++) {
                    echoed(socket, payload);
                }
                end(socket);
                report(socket, start);
            }
        }
    }

    /** Sends and receives at the same time, so that neither side waits for room. */
    private static void echoed(SSLSocket socket, byte[] payload) throws IOException {
        Thread sending = new Thread(() -> {
            try {
                socket.getOutputStream().write(payload);
            } catch (IOException error) {
                // What the reader meets says more.
                System.err.println(error);
            }
        });
        sending.start();
        InputStream input = socket.getInputStream();
        byte[] echo = input.readNBytes(payload.length);
        if (!Arrays.equals(echo, payload)) {
            throw new IOException("another echo, of " + echo.length + " bytes");
        }
        try {
            sending.join();
        } catch (InterruptedException error) {
            throw new IOException(error);
        }
    }

    /** Half-closes, and sees the other side do the same. */
    private static void end(SSLSocket socket) throws IOException {
        socket.shutdownOutput();
        if (socket.getInputStream().read() != -1) {
            throw new IOException("more than the echo");
        }
    }

    private void listen() throws IOException, GeneralSecurityException {
        try (ServerSocket listener = new ServerSocket(0, 8, InetAddress.getLoopbackAddress())) {
            listener.setSoTimeout(PATIENCE);
            System.out.println("listening port=" + listener.getLocalPort());
            for (int i = 0; i < number("count", 1); i++) {
                Socket plain = listener.accept();
                long start = System.currentTimeMillis();
                try (SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(plain, null, true)) {
                    socket.setSoTimeout(PATIENCE);
                    SSLParameters parameters = parameters();
                    String auth = options.getOrDefault("auth", "");
                    if (auth.equals("require")) {
                        parameters.setNeedClientAuth(true);
                    } else if (auth.equals("request")) {
                        parameters.setWantClientAuth(true);
                    }
                    socket.setSSLParameters(parameters);
                    socket.startHandshake();
                    echo(socket);
                    report(socket, start);
                } catch (IOException error) {
                    failed(error);
                }
            }
        }
    }

    private static void echo(SSLSocket socket) throws IOException {
        InputStream input = socket.getInputStream();
        OutputStream output = socket.getOutputStream();
        byte[] buffer = new byte[1 << 14];
        for (int size = input.read(buffer); size != -1; size = input.read(buffer)) {
            output.write(buffer, 0, size);
        }
    }

    private void report(SSLSocket socket, long start) throws IOException, GeneralSecurityException {
        ExtendedSSLSession session = (ExtendedSSLSession) socket.getSession();
        String application = socket.getApplicationProtocol();
        StringBuilder line = new StringBuilder("done suite=" + session.getCipherSuite());
        line.append(" alpn=").append(application == null ? "" : application);
        line.append(" name=").append(requested(session));
        // A session that was resumed is as old as the connection that it comes from.
        line.append(" resumed=").append(session.getCreationTime() < start);
        try {
            byte[] certificate = session.getPeerCertificates()[0].getEncoded();
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(certificate);
            line.append(" peer=").append(HexFormat.of().formatHex(digest));
        } catch (SSLPeerUnverifiedException error) {
            // A client that shows none.
        }
        System.out.println(line);
    }

    private static String requested(ExtendedSSLSession session) {
        List<SNIServerName> names = session.getRequestedServerNames();
        return names.isEmpty() ? "" : ((SNIHostName) names.get(0)).getAsciiName();
    }

    private static byte[] payload(int size) {
        byte[] data = new byte[size];
        for (int i = 0; i < size; i++) {
            data[i] = (byte) ((i * 31L) % 251);
        }
        return data;
    }
}
